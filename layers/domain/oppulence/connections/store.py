"""Statements of connections."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.connections.errors import ConnectionExists
from oppulence.connections.models import ConnectionQuery
from oppulence.kernel.db import Connection as Database
from oppulence.kernel.pagination import After

_COLUMNS = (
    "id, workspace_id, provider, provider_account_id, status, api_key, webhook_secrets, metadata, version, created_at,"
    " updated_at, status_reason, connect, endpoints, partner_event_source, endpoint_intent_at, account"
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A row; `api_key` and `webhook_secrets` are sealed.

    `endpoints` are those that we registered at the provider: each with `id` and `sha256`, that of its secret, and `made` for
    the intent that it was made under. `endpoint_intent_at` is set while some are asked for. `status` is `connecting` until the
    first are there.
    """

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
    status_reason: str | None = None
    connect: bool = False
    endpoints: list[dict[str, str]] = field(default_factory=list)
    partner_event_source: str | None = None
    endpoint_intent_at: datetime | None = None
    account: dict[str, Any] = field(default_factory=dict)


def insert(conn: Database, row: Connection) -> bool:
    """Save a new connection; False when the account, or the event source, has a live one already."""
    found = conn.execute(
        f"""
        INSERT INTO connections.connections ({_COLUMNS})
        VALUES (%(id)s, %(workspace_id)s, %(provider)s, %(provider_account_id)s, %(status)s, %(api_key)s, %(webhook_secrets)s,
                %(metadata)s, %(version)s, %(created_at)s, %(updated_at)s, %(status_reason)s, %(connect)s, %(endpoints)s,
                %(partner_event_source)s, %(endpoint_intent_at)s, %(account)s)
        ON CONFLICT DO NOTHING RETURNING id
        """.encode(),
        _values(row),
    ).fetchone()
    return found is not None


def get(conn: Database, connection_id: str, *, lock: bool = False) -> Connection | None:
    """One connection, locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(Connection)) as cur:
        query = f"SELECT {_COLUMNS} FROM connections.connections WHERE id = %s{' FOR UPDATE' if lock else ''}"
        return cur.execute(query.encode(), (connection_id,)).fetchone()


def connecting(conn: Database, provider: str, account: str | None) -> Connection | None:
    """The connection to this account that was begun and not finished, locked."""
    with conn.cursor(row_factory=class_row(Connection)) as cur:
        query = f"""
            SELECT {_COLUMNS} FROM connections.connections
             WHERE provider = %s AND provider_account_id = %s AND status = 'connecting' FOR UPDATE
        """
        return cur.execute(query.encode(), (provider, account)).fetchone()


def update(conn: Database, row: Connection) -> Connection:
    """Save a changed connection under its next version, which is returned.

    Raises:
        ConnectionExists: another one has its account or event source.
    """
    try:
        with conn.transaction():
            conn.execute(
                """
                UPDATE connections.connections
                   SET status = %(status)s, provider_account_id = %(provider_account_id)s, webhook_secrets = %(webhook_secrets)s,
                       api_key = %(api_key)s, metadata = %(metadata)s, status_reason = %(status_reason)s,
                       endpoints = %(endpoints)s, partner_event_source = %(partner_event_source)s,
                       endpoint_intent_at = %(endpoint_intent_at)s, connect = %(connect)s, account = %(account)s,
                       updated_at = %(updated_at)s, version = version + 1
                 WHERE id = %(id)s
                """,
                _values(row),
            )
    except UniqueViolation as error:
        raise ConnectionExists("The account, or the event source, is connected already.") from error
    return replace(row, version=row.version + 1)


def delete(conn: Database, connection_id: str) -> None:
    """Delete a connection that never came about."""
    conn.execute("DELETE FROM connections.connections WHERE id = %s AND status = 'connecting'", (connection_id,))


def page(conn: Database, query: ConnectionQuery, after: After | None, most: int) -> list[Connection]:
    """Connections, the newest first."""
    with conn.cursor(row_factory=class_row(Connection)) as cur:
        return cur.execute(
            f"""
            SELECT {_COLUMNS} FROM connections.connections
             WHERE (%(provider)s::text IS NULL OR provider = %(provider)s)
               AND status = coalesce(%(status)s, status) AND (%(status)s::text IS NOT NULL OR status <> 'disconnected')
               AND status <> 'connecting'
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


def of_event_source(conn: Database, source: str) -> tuple[str, str] | None:
    """(workspace, connection) of the live connection that names a partner's event source."""
    row = conn.execute("SELECT workspace_id, connection_id FROM connections.of_event_source(%s)", (source,)).fetchone()
    return (str(row[0]), str(row[1])) if row else None


def unfinished(conn: Database) -> list[tuple[str, str]]:
    """(workspace, connection) of those at which something was begun at the provider over an hour ago and not finished."""
    return [(str(w), str(c)) for w, c in conn.execute("SELECT workspace_id, connection_id FROM connections.unfinished()")]


def everywhere(conn: Database) -> list[tuple[str, str]]:
    """(workspace, connection) of every connection there is."""
    return [(str(w), str(c)) for w, c in conn.execute("SELECT workspace_id, connection_id FROM connections.all_connections()")]


def _values(row: Connection) -> dict[str, Any]:
    values = {one.name: getattr(row, one.name) for one in fields(row)}
    return values | {name: Jsonb(values[name]) for name in ("metadata", "endpoints", "account")}
