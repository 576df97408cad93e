"""The last link of each audit log, in a bucket whose versions nobody can delete or overwrite: the witness outside the database.

One object a workspace, written after each sealing; older heads stay as its versions. A chain whose end was cut off, or that was
written anew from some link on, no longer holds the head that stands here.
"""

import json
from dataclasses import dataclass

from oppulence.kernel import environment
from oppulence.kernel.aws import answering
from oppulence.tenancy.chain import Link

_SILENT = "The heads of audit logs cannot be reached."
PREFIX = "heads/"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ended when it was last sealed."""

    seq: int
    hash: str


def write(workspace_id: str, link: Link) -> None:
    """Keep a chain's head.

    Raises:
        Unavailable: S3 does not answer.
    """
    body = json.dumps({"seq": link.seq, "hash": link.hash.hex(), "sealed_at": link.sealed_at.isoformat()})
    with answering("s3", _SILENT) as s3:
        s3.put_object(Bucket=_bucket(), Key=_key(workspace_id), Body=body.encode(), ContentType="application/json")


def read(workspace_id: str) -> Head | None:
    """A chain's head, or None where none was kept, as after the laptop's cloud began anew.

    Raises:
        Unavailable: S3 does not answer.
    """
    with answering("s3", _SILENT) as s3:
        try:
            found = json.loads(s3.get_object(Bucket=_bucket(), Key=_key(workspace_id))["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None
    return Head(found["seq"], found["hash"])


def _key(workspace_id: str) -> str:
    return f"{PREFIX}{workspace_id}.json"


def _bucket() -> str:
    return environment.required("AUDIT_BUCKET")
