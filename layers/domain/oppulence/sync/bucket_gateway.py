"""Exported raw events in the workspaces' bucket."""

from oppulence.kernel import environment
from oppulence.kernel.aws import answering

_SILENT = "The bucket of exported events does not answer."


def write(key: str, content: bytes) -> None:
    """Put an object, in place of one that stands there.

    Raises:
        Unavailable: S3 does not answer.
    """
    with answering("s3", _SILENT) as s3:
        s3.put_object(Bucket=_bucket(), Key=key, Body=content)


def read(key: str) -> bytes:
    """An object's bytes.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
    """
    with answering("s3", _SILENT) as s3:
        content: bytes = s3.get_object(Bucket=_bucket(), Key=key)["Body"].read()
    return content


def _bucket() -> str:
    return environment.required("BUCKET")
