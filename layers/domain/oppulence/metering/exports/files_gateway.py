"""Files of exports in the workspaces' bucket: written as they come, piece by piece, and read by links that expire."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from oppulence.kernel import environment
from oppulence.kernel.aws import answering

PREFIX = "usage_exports/"
_SILENT = "The bucket of exports does not answer. Try again in a few seconds."
LINK_S = 900
"""How long a link works."""

PIECE_BYTES = 8 * 1024 * 1024
"""What memory holds of a file. S3 takes 10,000 pieces of at least 5 MB."""


def write(key: str, content: Iterable[bytes], content_type: str) -> tuple[int, str]:
    """Write a file in place of one that stands there; returns its bytes and their SHA-256. It stands there whole or not at all.

    What is left of an upload that broke off is dropped by the bucket after a week.

    Raises:
        Unavailable: S3 does not answer.
    """
    digest, size, piece = hashlib.sha256(), 0, b""
    target = {"Key": key, "ContentType": content_type}
    uploaded: list[dict[str, Any]] = []
    upload: dict[str, Any] = {}
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
        if not piece or (len(piece) < PIECE_BYTES and not upload):
            break
        with answering("s3", _SILENT) as s3:
            upload = upload or {
                "Bucket": _bucket(), "Key": key, "UploadId": s3.create_multipart_upload(Bucket=_bucket(), **target)["UploadId"],
            }  # fmt: skip
            number = len(uploaded) + 1
            uploaded.append({"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=piece)["ETag"]})
    with answering("s3", _SILENT) as s3:
        if upload:
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": uploaded})
        else:
            s3.put_object(Bucket=_bucket(), Body=piece, **target)
    return size, digest.hexdigest()


def delete(keys: Iterable[str]) -> None:
    """Delete files; those that are not there are no matter.

    Raises:
        Unavailable: S3 does not answer.
    """
    with answering("s3", _SILENT) as s3:
        for key in keys:
            s3.delete_object(Bucket=_bucket(), Key=key)


def link(key: str, name: str) -> str:
    """A URL that reads a file under a name, for the next `LINK_S` seconds."""
    from oppulence.kernel.aws import client

    target = {
        "Bucket": environment.required("BUCKET"), "Key": key, "ResponseContentDisposition": f'attachment; filename="{name}"',
    }  # fmt: skip
    url: str = client("s3").generate_presigned_url("get_object", Params=target, ExpiresIn=LINK_S)
    return url


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """The content in pieces of one size; the last one is shorter, or empty."""
    held = bytearray()
    for part in content:
        held += part
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    yield bytes(held)


def _bucket() -> str:
    return environment.required("BUCKET")
