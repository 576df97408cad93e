"""Queries on workspaces, data keys and settings."""

from datetime import datetime

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.tenancy.models import Workspace

_COLUMNS = "id, name, slug, mode, plan, status, settings, created_at, updated_at, deletion_due_at, export_key"


def insert_workspace(conn: Connection, workspace: Workspace, created_by: str) -> bool:
    """Add a workspace; False when its slug is taken."""
    cur = conn.execute(
        """
        INSERT INTO tenancy.workspaces (id, name, slug, mode, plan, settings, created_by, created_at, updated_at)
        VALUES (%(id)s, %(name)s, %(slug)s, %(mode)s, %(plan)s, %(settings)s, %(created_by)s, %(at)s, %(at)s)
        ON CONFLICT (slug) DO NOTHING
        """,
        {
            **workspace.model_dump(include={"id", "name", "slug", "mode", "plan"}),
            "settings": Jsonb(workspace.settings.model_dump()),
            "created_by": created_by,
            "at": workspace.created_at,
        },
    )
    return cur.rowcount == 1


def read_workspace(conn: Connection, lock: bool = False) -> Workspace:
    """The transaction's workspace; with `lock`, changes of it and of its owners wait for this transaction."""
    statement = f"SELECT {_COLUMNS} FROM tenancy.workspaces {'FOR UPDATE' if lock else ''}"
    with conn.cursor(row_factory=class_row(Workspace)) as cur:
        row = cur.execute(statement.encode()).fetchone()
    if row is None:
        raise LookupError("the transaction's workspace does not exist")
    return row


def status(conn: Connection) -> str | None:
    """The status of the transaction's workspace; None when there never was one of this id."""
    row = conn.execute("SELECT status FROM tenancy.workspaces").fetchone()
    return str(row[0]) if row else None


def save_settings(conn: Connection, workspace: Workspace) -> None:
    """Write the workspace's name and settings."""
    conn.execute(
        "UPDATE tenancy.workspaces SET name = %s, settings = %s, updated_at = %s WHERE id = %s",
        (workspace.name, Jsonb(workspace.settings.model_dump()), workspace.updated_at, workspace.id),
    )


def time_zone_exists(conn: Connection, name: str) -> bool:
    """Whether the IANA database has this name; PostgreSQL carries it, the runtime of functions does not."""
    return conn.execute("SELECT FROM pg_timezone_names WHERE name = %s", (name,)).fetchone() is not None


def insert_data_key(conn: Connection, workspace_id: str, wrapped: bytes, at: datetime) -> int:
    """Add a data key; returns its version, one above the highest."""
    row = conn.execute(
        """
        INSERT INTO tenancy.data_keys (workspace_id, version, wrapped, created_at)
        SELECT %(workspace_id)s, coalesce(max(version), 0) + 1, %(wrapped)s, %(at)s FROM tenancy.data_keys
        RETURNING version
        """,
        {"workspace_id": workspace_id, "wrapped": wrapped, "at": at},
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


def save_status(conn: Connection, workspace: Workspace) -> None:
    """Write where the workspace stands between active and deleted."""
    conn.execute(
        "UPDATE tenancy.workspaces SET status = %s, deletion_due_at = %s, export_key = %s, updated_at = %s WHERE id = %s",
        (workspace.status, workspace.deletion_due_at, workspace.export_key, workspace.updated_at, workspace.id),
    )


def bury(conn: Connection, workspace_id: str, at: datetime) -> None:
    """Delete all that tenancy holds of a workspace but its audit log, and leave a tombstone."""
    users = conn.execute("DELETE FROM tenancy.memberships WHERE workspace_id = %s RETURNING user_id", (workspace_id,)).fetchall()
    for table in ("invitations", "feature_flags", "idempotency", "dead_letters", "api_keys", "data_keys"):
        conn.execute(f"DELETE FROM tenancy.{table} WHERE workspace_id = %s".encode(), (workspace_id,))
    conn.execute(
        """
        UPDATE tenancy.workspaces
           SET status = 'deleted', deleted_at = %(at)s, updated_at = %(at)s, deletion_due_at = NULL, export_key = NULL,
               name = 'deleted', slug = id, settings = '{}'
         WHERE id = %(id)s
        """,
        {"at": at, "id": workspace_id},
    )
    conn.execute("SELECT tenancy.drop_users_without_membership(%s)", ([row[0] for row in users],))


def due_for_erasure(conn: Connection, at: datetime) -> list[str]:
    """Workspaces whose delay is over, of all."""
    return [str(row[0]) for row in conn.execute("SELECT tenancy.workspaces_to_erase(%s)", (at,))]
