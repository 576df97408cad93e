"""What higher contexts may ask of connections: who is connected, and a way to the provider.

    gateway = api.stripe(scope, connection_id)        # opens and closes a transaction of its own; the function declares Keys()
    answer = gateway.get("/v1/customers/cus_1")       # outside any transaction; the function declares Provider("stripe")

Whoever meets a ProviderKeyRefused calls `note_refused_key` in a unit of work.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from pydantic_core import from_json

from oppulence.connections.errors import (
    ConnectionHasNoKey,
    ConnectionNotFound,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.kernel import crypto
from oppulence.kernel.db import Connection
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

if TYPE_CHECKING:
    from oppulence.connections.stripe_gateway import StripeGateway

__all__ = [
    "ConnectionHasNoKey", "ConnectionNotFound", "ProviderBusy", "ProviderKeyRefused", "ProviderObjectMissing", "ProviderRefused",
    "ProviderUnavailable", "StripeConnection", "all_stripe_connections", "mark_needs_reauth", "note_refused_key", "stripe",
    "stripe_connections",
]  # fmt: skip

API_KEY = "api_key"
"""What a sealed API key is bound to."""


@dataclass(frozen=True, slots=True)
class StripeConnection:
    """A live connection. `account` is the Stripe account's id where it is known; `has_key` says whether Stripe can be asked.

    `connect`: it is a platform's, so events of its connected accounts come in as well.
    """

    id: str
    status: str
    account: str | None
    has_key: bool
    connect: bool
    created_at: datetime


def stripe(scope: Scope, connection_id: str) -> "StripeGateway":
    """A way to Stripe for a connection of the scope's workspace. Not to be called inside a transaction.

    Raises:
        ConnectionNotFound: the workspace has no live connection of that id.
        ConnectionHasNoKey: it was connected by hand, without a key.
    """
    from oppulence.connections.stripe_gateway import StripeGateway

    def sealed_key(uow: UnitOfWork) -> tuple[bytes, crypto.Keyring]:
        query = "SELECT api_key FROM connections_api.stripe_credentials WHERE id = %s"
        row = uow.conn.execute(query, (connection_id,)).fetchone()
        if row is None:
            raise ConnectionNotFound(f"No live connection {connection_id} to Stripe in this workspace.")
        if not isinstance(row[0], bytes):
            raise ConnectionHasNoKey(f"Connection {connection_id} has no API key. Give it one: PATCH /v1/connections/{{id}}.")
        return row[0], crypto.keyring(uow.conn, uow.workspace_id, row[0])

    sealed, ring = in_transaction(scope, sealed_key)
    return StripeGateway(connection_id, from_json(ring.open(sealed, API_KEY)))


def stripe_connections(conn: Connection) -> list[StripeConnection]:
    """The workspace's live connections to Stripe, the oldest first."""
    with conn.cursor(row_factory=class_row(StripeConnection)) as cur:
        return cur.execute(
            "SELECT id, status, account, api_key IS NOT NULL AS has_key, connect, created_at"
            "  FROM connections_api.stripe_credentials ORDER BY created_at, id"
        ).fetchall()


def all_stripe_connections(conn: Connection) -> list[tuple[str, str]]:
    """(workspace, connection) of every active connection to Stripe that has a key, for schedules."""
    rows = conn.execute("SELECT workspace_id, connection_id FROM connections.all_stripe_connections()").fetchall()
    return [(str(workspace_id), str(connection_id)) for workspace_id, connection_id in rows]


def mark_needs_reauth(uow: UnitOfWork, connection_id: str, reason: str) -> bool:
    """Say that a connection's key stopped working; False when it was known, or the connection is gone.

    Its webhooks still come in. A good key, given with PATCH /v1/connections/{id}, makes it active again.
    """
    row = uow.conn.execute(
        "SELECT connections.mark_needs_reauth(%s, %s, %s, %s)", (connection_id, new_id("ev"), reason[:500], uow.now)
    ).fetchone()
    if row is None or row[0] is not True:
        return False
    uow.audit("connection.needs_reauth", "connection", connection_id, metadata={"reason": reason[:500]})
    return True


def note_refused_key(uow: UnitOfWork, connection_id: str, refused: ProviderKeyRefused) -> None:
    """Mark the connection, unless the key only lacks one permission: it serves for all else then."""
    if refused.permission is None:
        mark_needs_reauth(uow, connection_id, str(refused))
