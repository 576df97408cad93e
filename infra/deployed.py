"""What a deployed context's functions know of their surroundings, for tools that do by hand what functions do."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PREFIX = "oppulence"
OF_ONE_FUNCTION = ("QUEUE_URL", "DLQ_URL")


class NotDeployed(RuntimeError):
    """No function of the context is there."""


def variables(functions: "LambdaClient", context: str) -> dict[str, str]:
    """The environment variables of a context's functions, together. Equal names mean the same in all of them.

    Raises:
        NotDeployed: there is none.
    """
    found: dict[str, str] = {}
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if function["FunctionName"].startswith(f"{PREFIX}-{context}-"):
                found |= function.get("Environment", {}).get("Variables", {})
    if not found:
        raise NotDeployed(f"no function of {context} is deployed here")
    return {name: value for name, value in found.items() if name not in OF_ONE_FUNCTION}


def adopt(functions: "LambdaClient", context: str, extra: Mapping[str, str] | None = None) -> None:
    """Make this process see what a context's functions see, so that its use cases can be called."""
    os.environ.update(variables(functions, context) | dict(extra or {}))


def local_access(cloud: Any) -> dict[str, str]:
    """What lets a process on this machine use a local cloud's services and databases."""
    from infra.local.emulator import CREDENTIALS, REGION

    return {
        "AWS_ENDPOINT_URL": cloud.emulator_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PGPASSFILE": str(cloud.state / "pgpass"),
        **CREDENTIALS,
    }
