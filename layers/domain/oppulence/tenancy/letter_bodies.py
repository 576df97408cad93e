"""Bodies of dead letters in S3: sealed under the workspace's key where it has one; S3 encrypts the others, as it does all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from oppulence.kernel import environment, inbound
from oppulence.kernel.crypto import Keyring
from oppulence.kernel.errors import Unavailable

PREFIX = "dead_letters/"
_PURPOSE = "dead_letter"
_SEALED = b"\x01"
"""How sealed bytes begin; no message of SQS may hold this character."""


def key(workspace_id: str, letter_id: str) -> str:
    """Where a letter's body stands."""
    return f"{PREFIX}{workspace_id}/{letter_id}"


def write(at: str, body: str, ring: Keyring) -> None:
    """Keep a body. Repeating it is harmless.

    Raises:
        Unavailable: S3 does not answer.
    """
    content = ring.seal(body.encode(), _PURPOSE) if ring.wrapped else body.encode()
    with _answering() as (s3, bucket):
        s3.put_object(Bucket=bucket, Key=at, Body=content)


def read(at: str, ring: Keyring) -> str:
    """A body, as it was.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
        KeyErased: the workspace has been erased.
    """
    with _answering() as (s3, bucket):
        content: bytes = s3.get_object(Bucket=bucket, Key=at)["Body"].read()
    return (ring.open(content, _PURPOSE) if content.startswith(_SEALED) else content).decode()


def open_webhook(ring: Keyring, sealed: str | None, s3_key: str | None) -> str:
    """A provider's body that an event carries, or names.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
    """
    with _answering():
        return inbound.open_body(ring, sealed, s3_key).decode(errors="replace")


def delete(keys: Sequence[str]) -> None:
    """Delete bodies for good; one that is not there is no fault.

    Raises:
        Unavailable: S3 does not answer.
    """
    with _answering() as (s3, bucket):
        for at in keys:
            s3.delete_object(Bucket=bucket, Key=at)


@contextmanager
def _answering() -> Iterator[tuple[Any, str]]:
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    try:
        yield client("s3"), environment.required("BUCKET")
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(f"The letter's body cannot be reached: {error}") from error
