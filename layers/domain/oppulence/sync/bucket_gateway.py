"""Exported raw events in the workspaces' bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from oppulence.kernel import environment
from oppulence.kernel.errors import Unavailable


def write(key: str, content: bytes) -> None:
    """Put an object, in place of one that stands there.

    Raises:
        Unavailable: S3 does not answer.
    """
    with _answering() as (s3, bucket):
        s3.put_object(Bucket=bucket, Key=key, Body=content)


def read(key: str) -> bytes:
    """An object's bytes.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
    """
    with _answering() as (s3, bucket):
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


@contextmanager
def _answering() -> Iterator[tuple[Any, str]]:
    from oppulence.kernel.aws import client

    try:
        yield client("s3"), environment.required("BUCKET")
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("The bucket of exported events does not answer.") from error
