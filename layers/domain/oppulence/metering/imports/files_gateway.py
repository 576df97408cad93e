"""Files of imports in the workspaces' bucket: what was uploaded, and the lines that were rejected."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from oppulence.kernel import environment
from oppulence.kernel.aws import answering
from oppulence.kernel.errors import Unavailable

PREFIX = "usage-imports/"
LINK_S = 3600
CONTENT_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}

_GONE = frozenset({"404", "403", "NoSuchKey", "AccessDenied", "412", "PreconditionFailed"})
"""S3 says 403 of what is not there to those who may not list."""


class FileChanged(Exception):
    """The file is gone, or is another one than when reading began."""


def upload(workspace_id: str, import_id: str, format_: str, size_bytes: int) -> tuple[str, dict[str, str]]:
    """A URL that takes a file of exactly this size for the next `LINK_S` seconds, and the headers to send with it."""
    kind = CONTENT_TYPES[format_]
    params = {**_file(workspace_id, import_id), "ContentLength": size_bytes, "ContentType": kind}
    with _answering() as s3:
        url: str = s3.generate_presigned_url("put_object", Params=params, ExpiresIn=LINK_S)
    return url, {"Content-Length": str(size_bytes), "Content-Type": kind}


def look(workspace_id: str, import_id: str) -> tuple[int, str] | None:
    """Size in bytes and ETag of the file that was uploaded; None when none was.

    Raises:
        Unavailable: S3 does not answer.
    """
    try:
        with _answering() as s3:
            found = s3.head_object(**_file(workspace_id, import_id))
    except FileChanged:
        return None
    return int(found["ContentLength"]), str(found["ETag"])


def read(workspace_id: str, import_id: str, etag: str, range_: tuple[int, int]) -> bytes:
    """Bytes of the file, from the first position up to but without the second.

    Raises:
        FileChanged: it is gone, or another one.
        Unavailable: S3 does not answer.
    """
    start, end = range_
    with _answering() as s3:
        answer = s3.get_object(**_file(workspace_id, import_id), IfMatch=etag, Range=f"bytes={start}-{end - 1}")
        content: bytes = answer["Body"].read()
    return content


def add_errors(workspace_id: str, import_id: str, kept_bytes: int, more: bytes) -> None:
    """Let the error file be its first `kept_bytes` and what follows now: doing it twice is doing it once.

    Raises:
        Unavailable: S3 does not answer, or has lost the file.
    """
    place = _errors(workspace_id, import_id)
    try:
        with _answering() as s3:
            kept = s3.get_object(**place, Range=f"bytes=0-{kept_bytes - 1}")["Body"].read() if kept_bytes else b""
            s3.put_object(**place, Body=kept + more, ContentType=CONTENT_TYPES["ndjson"])
    except FileChanged as error:
        raise Unavailable("The error file of the import cannot be read.") from error


def errors_link(workspace_id: str, import_id: str) -> str:
    """A URL that reads the error file for the next `LINK_S` seconds."""
    with _answering() as s3:
        url: str = s3.generate_presigned_url("get_object", Params=_errors(workspace_id, import_id), ExpiresIn=LINK_S)
    return url


def delete(workspace_id: str, import_id: str) -> None:
    """Delete both files, if they are there.

    Raises:
        Unavailable: S3 does not answer.
    """
    with _answering() as s3:
        for place in (_file(workspace_id, import_id), _errors(workspace_id, import_id)):
            s3.delete_object(**place)


def _file(workspace_id: str, import_id: str) -> dict[str, Any]:
    return {"Bucket": environment.required("BUCKET"), "Key": f"{PREFIX}{workspace_id}/{import_id}/file"}


def _errors(workspace_id: str, import_id: str) -> dict[str, Any]:
    return {"Bucket": environment.required("BUCKET"), "Key": f"{PREFIX}{workspace_id}/{import_id}/errors.ndjson"}


@contextmanager
def _answering() -> Iterator[Any]:
    with answering("s3", "The bucket of imports does not answer.") as s3:
        try:
            yield s3
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise FileChanged(str(error)) from error
            raise
