"""Queries on API keys."""

from datetime import datetime

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.tenancy.models import ApiKey

_COLUMNS = """
    id, name, prefix, scopes, rate_limit_per_minute, created_by, created_at, expires_at, revoked_at, rotated_from, last_used_on,
    greatest(0, floor(extract(epoch FROM now() - created_at) / 86400))::integer AS age_days
"""


def insert_key(conn: Connection, workspace_id: str, key: ApiKey, key_hash: bytes) -> None:
    """Add a key."""
    conn.execute(
        """
        INSERT INTO tenancy.api_keys
          (id, workspace_id, name, key_hash, prefix, scopes, rate_limit_per_minute, created_by, created_at, expires_at,
           rotated_from)
        VALUES (%(id)s, %(workspace_id)s, %(name)s, %(key_hash)s, %(prefix)s, %(scopes)s, %(rate_limit_per_minute)s,
                %(created_by)s, %(created_at)s, %(expires_at)s, %(rotated_from)s)
        """,
        {**key.model_dump(), "workspace_id": workspace_id, "key_hash": key_hash},
    )


def list_keys(conn: Connection, after: After | None, most: int) -> list[ApiKey]:
    """Keys, newest first."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        return cur.execute(
            f"""
            SELECT {_COLUMNS} FROM tenancy.api_keys
             WHERE %(after_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_at)s::timestamptz, %(after_id)s)
             ORDER BY created_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {"after_at": after_at, "after_id": after_id, "most": most},
        ).fetchall()


def find_key(conn: Connection, key_id: str, lock: bool = False) -> ApiKey | None:
    """One key; with `lock`, held until the transaction ends."""
    statement = f"SELECT {_COLUMNS} FROM tenancy.api_keys WHERE id = %s {'FOR UPDATE' if lock else ''}"
    with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        return cur.execute(statement.encode(), (key_id,)).fetchone()


def has_successor(conn: Connection, key_id: str) -> bool:
    """Whether a key was rotated."""
    return conn.execute("SELECT FROM tenancy.api_keys WHERE rotated_from = %s", (key_id,)).fetchone() is not None


def set_expiry(conn: Connection, key_id: str, at: datetime) -> None:
    """Let a key end at an instant."""
    conn.execute("UPDATE tenancy.api_keys SET expires_at = %s WHERE id = %s", (at, key_id))


def revoke(conn: Connection, key_id: str, at: datetime) -> None:
    """End a key now."""
    conn.execute("UPDATE tenancy.api_keys SET revoked_at = %s WHERE id = %s", (at, key_id))


def workspaces_with_aged_keys(conn: Connection, made_before: datetime) -> list[str]:
    """Workspaces that have keys to be noticed, of all."""
    return [str(row[0]) for row in conn.execute("SELECT tenancy.workspaces_with_aged_keys(%s)", (made_before,))]


def mark_aged(conn: Connection, made_before: datetime, at: datetime) -> list[tuple[str, datetime]]:
    """Mark the live keys made before an instant that were not marked yet; returns their ids and when they were made."""
    rows = conn.execute(
        "UPDATE tenancy.api_keys SET aged_notice_at = %(at)s WHERE created_at <= %(before)s AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > %(at)s) AND aged_notice_at IS NULL RETURNING id, created_at",
        {"before": made_before, "at": at},
    )
    return [(str(key_id), created_at) for key_id, created_at in rows if isinstance(created_at, datetime)]
