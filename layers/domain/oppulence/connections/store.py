"""Statements of connections."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.connections.models import ConnectionQuery
from oppulence.kernel.db import Connection as Database
from oppulence.kernel.pagination import After

_COLUMNS = (
    "id, workspace_id, provider, provider_account_id, status, api_key, webhook_secrets, metadata, version, created_at, updated_at"
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A row; `api_key` and `webhook_secrets` are sealed."""

    id: str
    workspace_id: str
    provider: str
    provider_account_id: str | None
    status: str
    api_key: bytes | None
    webhook_secrets: bytes
    metadata: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


def insert(conn: Database, row: Connection) -> bool:
    """Save a new connection; False when the account has a live one already."""
    found = conn.execute(
        """
        INSERT INTO connections.connections (id, workspace_id, provider, provider_account_id, status, api_key, webhook_secrets,
                                             metadata, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        (
            row.id, row.workspace_id, row.provider, row.provider_account_id, row.status, row.api_key, row.webhook_secrets,
            Jsonb(row.metadata), row.created_at, row.updated_at,
        ),
    ).fetchone()  # fmt: skip
    return found is not None


def get(conn: Database, connection_id: str, *, lock: bool = False) -> Connection | None:
    """One connection, locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(Connection)) as cur:
        query = f"SELECT {_COLUMNS} FROM connections.connections WHERE id = %s{' FOR UPDATE' if lock else ''}"
        return cur.execute(query.encode(), (connection_id,)).fetchone()


def update(conn: Database, row: Connection) -> None:
    """Save a changed connection under its next version."""
    conn.execute(
        """
        UPDATE connections.connections
           SET status = %s, webhook_secrets = %s, api_key = %s, updated_at = %s, version = version + 1
         WHERE id = %s
        """,
        (row.status, row.webhook_secrets, row.api_key, row.updated_at, row.id),
    )


def page(conn: Database, query: ConnectionQuery, after: After | None, most: int) -> list[Connection]:
    """Connections, the newest first."""
    with conn.cursor(row_factory=class_row(Connection)) as cur:
        return cur.execute(
            f"""
            SELECT {_COLUMNS} FROM connections.connections
             WHERE (%(provider)s::text IS NULL OR provider = %(provider)s)
               AND status = coalesce(%(status)s, status) AND (%(status)s::text IS NOT NULL OR status <> 'disconnected')
               AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))
             ORDER BY created_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {
                "provider": query.provider, "status": query.status, "at": after and after[0],
                "id": after and after[1], "most": most,
            },
        ).fetchall()  # fmt: skip


def of_provider(conn: Database, provider: str) -> list[str]:
    """Ids of the workspace's live connections of a provider, the newest first."""
    rows = conn.execute(
        "SELECT id FROM connections.connections WHERE provider = %s AND status <> 'disconnected'"
        " ORDER BY created_at DESC, id DESC",
        (provider,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def delete_all(conn: Database) -> list[tuple[str, str]]:
    """Delete the workspace's connections; returns their ids and providers."""
    rows = conn.execute("DELETE FROM connections.connections RETURNING id, provider").fetchall()
    return [(str(connection_id), str(provider)) for connection_id, provider in rows]


def everywhere(conn: Database) -> list[tuple[str, str]]:
    """(workspace, connection) of every connection there is."""
    return [(str(w), str(c)) for w, c in conn.execute("SELECT workspace_id, connection_id FROM connections.all_connections()")]
