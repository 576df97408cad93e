"""One client per service and process, made on first use. Powertools gets these same clients."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from oppulence.kernel.errors import Unavailable


@cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """The process's client for an AWS service.

    Short time limits and few retries: a function's own limit is seconds, and its caller retries anyway.
    """
    boto3: Any = importlib.import_module("boto3")  # its stubs list every service; ours are chosen at run time
    from botocore.config import Config

    options: dict[str, Any] = {
        "connect_timeout": 2, "read_timeout": 8, "retries": {"total_max_attempts": 3, "mode": "standard"},
        "user_agent": "oppulence",  # botocore's own is put together anew for each call, a sixth of what a call costs
    }  # fmt: skip
    if service == "sesv2":  # sending has no idempotency token: a repeat by the client would be a second mail
        options["retries"] = {"total_max_attempts": 1, "mode": "standard"}
    if service == "events":  # each entry is made by the kernel, never of what a caller sent; an eighth of what a call costs
        options["parameter_validation"] = False
    if service == "s3":
        options |= {"signature_version": "s3v4", "s3": {"addressing_style": "virtual"}}  # else links name no region
    return boto3.client(service, config=Config(**options))


@contextmanager
def answering(service: str, otherwise: str) -> Iterator[Any]:
    """A service's client, for calls without which nothing goes on.

    Raises:
        Unavailable: the service does not answer, or refuses; `otherwise` says so to people.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield client(service)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(otherwise) from error


def reset() -> None:
    """Forget all clients, so that the next use reads its endpoint and credentials again."""
    client.cache_clear()
