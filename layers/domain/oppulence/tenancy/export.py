"""The export of a workspace's tenancy data: one JSON object a line, each naming the table it is from."""

from typing import IO, Any

from pydantic_core import to_json

from oppulence.kernel import environment
from oppulence.kernel.db import Connection

LINK_S = 900
"""How long a link to the export works."""

# What is secret stays out: hashes of keys and tokens, and data keys.
_TABLES = {
    "workspace": "SELECT id, name, slug, mode, plan, settings, created_at FROM tenancy.workspaces",
    "member": "SELECT m.id, m.user_id, u.email, u.name, m.role, m.created_at"
    " FROM tenancy.memberships m JOIN tenancy.users u ON u.id = m.user_id ORDER BY m.id",
    "invitation": "SELECT id, email, role, invited_by, created_at, expires_at FROM tenancy.invitations ORDER BY id",
    "api_key": "SELECT id, name, prefix, scopes, created_by, created_at, expires_at, revoked_at"
    " FROM tenancy.api_keys ORDER BY id",
    "feature_flag": "SELECT name, enabled, description, updated_at FROM tenancy.feature_flags ORDER BY name",
    "audit_event": "SELECT id, actor_type, actor_id, action, resource_type, resource_id, changes, occurred_at"
    " FROM tenancy.audit_log ORDER BY recorded_at, id",
}


def collect(conn: Connection, file: IO[bytes]) -> None:
    """Write the workspace's rows into a file as lines: however long the log is, memory holds a part of it."""
    file.seek(0)
    file.truncate()  # the transaction may be a second try
    for kind, statement in _TABLES.items():
        with conn.cursor(name=f"export_{kind}") as cur:
            cur.execute(statement.encode())
            names = [column.name for column in cur.description or ()]
            for row in cur:
                file.write(to_json({"kind": kind, **dict(zip(names, row, strict=True))}) + b"\n")
    file.seek(0)


def write(workspace_id: str, file: IO[bytes]) -> str:
    """Put the lines into the bucket, in place of an earlier export; returns the object's key."""
    key = _key(workspace_id)
    _s3().put_object(Bucket=_bucket(), Key=key, Body=file, ContentType="application/x-ndjson")
    return key


def link(key: str) -> str:
    """A URL that reads the export for the next `LINK_S` seconds."""
    url: str = _s3().generate_presigned_url("get_object", Params={"Bucket": _bucket(), "Key": key}, ExpiresIn=LINK_S)
    return url


def delete(workspace_id: str) -> None:
    """Delete the workspace's export, if there is one."""
    _s3().delete_object(Bucket=_bucket(), Key=_key(workspace_id))


def _key(workspace_id: str) -> str:
    return f"exports/{workspace_id}/tenancy.ndjson"


def _bucket() -> str:
    return environment.required("BUCKET")


def _s3() -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    from oppulence.kernel.aws import client

    return client("s3")
