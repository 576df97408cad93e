"""Bodies of dead letters in S3: sealed under the workspace's key where it has one; S3 encrypts the others, as it does all."""

from collections.abc import Sequence

from oppulence.kernel import environment, inbound
from oppulence.kernel.aws import answering
from oppulence.kernel.crypto import Keyring

_SILENT = "The letter's body cannot be reached."
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
    with answering("s3", _SILENT) as s3:
        s3.put_object(Bucket=_bucket(), Key=at, Body=content)


def read(at: str, ring: Keyring) -> str:
    """A body, as it was.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
        KeyErased: the workspace has been erased.
    """
    with answering("s3", _SILENT) as s3:
        content: bytes = s3.get_object(Bucket=_bucket(), Key=at)["Body"].read()
    return (ring.open(content, _PURPOSE) if content.startswith(_SEALED) else content).decode()


def open_webhook(ring: Keyring, sealed: str | None, s3_key: str | None) -> str:
    """A provider's body that an event carries, or names.

    Raises:
        Unavailable: S3 does not answer, or has it no more.
    """
    with answering("s3", _SILENT):
        return inbound.open_body(ring, sealed, s3_key).decode(errors="replace")


def delete(keys: Sequence[str]) -> None:
    """Delete bodies for good; one that is not there is no fault.

    Raises:
        Unavailable: S3 does not answer.
    """
    with answering("s3", _SILENT) as s3:
        for at in keys:
            s3.delete_object(Bucket=_bucket(), Key=at)


def _bucket() -> str:
    return environment.required("BUCKET")
