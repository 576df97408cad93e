"""Batches that are too large for a message, in S3: gzipped text of one line."""

import gzip

from botocore.exceptions import BotoCoreError, ClientError

from oppulence.kernel import environment
from oppulence.kernel.aws import client
from oppulence.kernel.errors import Unavailable

_QUICK = 1


def put(key: str, text: bytes) -> None:
    """Write a batch.

    Raises:
        Unavailable: S3 did not take it.
    """
    content = gzip.compress(text + b"\n", _QUICK, mtime=0)
    try:
        client("s3").put_object(Bucket=environment.required("BUCKET"), Key=key, Body=content)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("The events could not be stored. Send them again, with the same ids.") from error


def get(key: str) -> bytes:
    """The text of a batch.

    Raises:
        BotoCoreError, ClientError: S3 does not answer, or there is none of that key.
    """
    stored: bytes = client("s3").get_object(Bucket=environment.required("BUCKET"), Key=key)["Body"].read()
    return gzip.decompress(stored)
