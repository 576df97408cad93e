"""Showing, changing and removing connections: what needs no word with the provider."""

import hashlib
from dataclasses import replace

from oppulence.connections import doors, store
from oppulence.connections.api import API_KEY
from oppulence.connections.door_table import SECRETS
from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound, SecretInUse
from oppulence.connections.events import ConnectionCreated, ConnectionDeleted, ConnectionUpdated
from oppulence.connections.models import ConnectionQuery, ConnectionView
from oppulence.connections.store import Connection
from oppulence.kernel import crypto, environment
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import UnitOfWork

_VALID_SECRETS = 2


def get(uow: UnitOfWork, connection_id: str) -> ConnectionView:
    """One connection.

    Raises:
        ConnectionNotFound: this workspace has none of that id.
    """
    row = store.get(uow.conn, connection_id)
    if row is None or row.status == "connecting":
        raise _no_such(connection_id)
    return view(row)


def page(uow: UnitOfWork, query: ConnectionQuery) -> Page[ConnectionView]:
    """Connections, the newest first; removed ones only where asked for."""

    def fetch(after: After | None, most: int) -> list[ConnectionView]:
        return [view(row) for row in store.page(uow.conn, query, after, most)]

    return paginate(uow, query, fetch, key=lambda one: (one.created_at, one.id))


def add_secret(uow: UnitOfWork, connection_id: str, secret: str) -> ConnectionView:
    """Accept a further signing secret of an endpoint made by hand.

    The newest two of those are valid, so that a rotation loses no webhook, and those of the endpoints that we registered.

    Raises:
        ConnectionNotFound: this workspace has no live connection of that id.
        SecretInUse: it is valid already.
    """
    row = live(uow, connection_id)
    present = secrets_of(uow, row)
    if secret in present:
        raise SecretInUse("This connection accepts that secret already.", param="secret")
    registered = {one["sha256"] for one in row.endpoints}
    ours = [one for one in present if digest(one) in registered]
    by_hand = [secret, *(one for one in present if one not in ours)][:_VALID_SECRETS]
    changed = store.update(uow.conn, replace(row, webhook_secrets=seal(uow, by_hand + ours, SECRETS), updated_at=uow.now))
    announce(uow, changed, "webhook.configured")
    return view(changed)


def remove(uow: UnitOfWork, connection_id: str) -> None:
    """Close a connection and its door; its history stays.

    Its credentials are destroyed: at once, or, where endpoints of ours are to be removed at the provider first, by a consumer
    of the event.

    Raises:
        ConnectionNotFound: this workspace has no live connection of that id.
    """
    row = live(uow, connection_id)
    key = row.api_key if row.endpoints or row.endpoint_intent_at else None
    gone = replace(row, status="disconnected", api_key=key, webhook_secrets=seal(uow, [], SECRETS), updated_at=uow.now)
    changed = store.update(uow.conn, gone)
    uow.emit(ConnectionDeleted(connection_id=row.id, provider=row.provider))
    uow.audit("connection.deleted", "connection", row.id, before={"provider": row.provider, "account": row.provider_account_id})
    doors.write_through(uow, changed)


def view(row: Connection) -> ConnectionView:
    """What the API shows of a row."""
    return ConnectionView.model_validate(
        {
            "id": row.id, "provider": row.provider, "status": row.status, "status_reason": row.status_reason,
            "provider_account_id": row.provider_account_id,
            "accounts": [row.account | {"id": row.provider_account_id}] if row.account else [],
            "webhook_url": url_of(row), "webhook_endpoints": [one["id"] for one in row.endpoints],
            "partner_event_source": row.partner_event_source, "connect": row.connect,
            "has_api_key": row.api_key is not None and row.status != "disconnected", "metadata": row.metadata,
            "created_at": row.created_at, "updated_at": row.updated_at,
        }
    )  # fmt: skip


def live(uow: UnitOfWork, connection_id: str, *, connecting: bool = False) -> Connection:
    """A connection, locked; one that is still being made only where that is asked for.

    Raises:
        ConnectionNotFound: this workspace has no live connection of that id.
    """
    row = store.get(uow.conn, connection_id, lock=True)
    if row is None or (row.status == "connecting" and not connecting):
        raise _no_such(connection_id)
    if row.status == "disconnected":
        raise ConnectionNotFound(f"Connection {connection_id} was removed. Create a new one.")
    return row


def announce(uow: UnitOfWork, row: Connection, action: str) -> None:
    """Tell the bus, the audit log and the door of a connection that was made or changed."""
    kind = ConnectionCreated if action == "connection.created" else ConnectionUpdated
    uow.emit(kind(connection_id=row.id, provider=row.provider))
    endpoints = [one["id"] for one in row.endpoints]
    after = {"provider": row.provider, "account": row.provider_account_id, "webhook_endpoints": endpoints}
    uow.audit(action, "connection", row.id, after=after)
    doors.write_through(uow, row)


def key_of(uow: UnitOfWork, row: Connection) -> str:
    """Its API key.

    Raises:
        ConnectionHasNoKey
    """
    if row.api_key is None:
        raise ConnectionHasNoKey(f"Connection {row.id} has no API key. Give it one with PATCH /v1/connections/{row.id}.")
    key: str = crypto.open_json(uow.conn, uow.workspace_id, row.api_key, API_KEY)
    return key


def secrets_of(uow: UnitOfWork, row: Connection) -> list[str]:
    """The signing secrets that its door accepts, the newest first."""
    found: list[str] = crypto.open_json(uow.conn, uow.workspace_id, row.webhook_secrets, SECRETS)
    return found


def seal(uow: UnitOfWork, value: object, purpose: str) -> bytes:
    """Seal a credential under the workspace's key."""
    return crypto.seal_json(uow.conn, uow.workspace_id, value, purpose)


def url_of(row: Connection) -> str:
    """Where a connection's webhooks come in."""
    return f"{environment.optional('API_URL') or ''}/v1/webhooks/{row.provider}/{row.id}"


def digest(secret: str) -> str:
    """By which a registered endpoint's secret is known."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _no_such(connection_id: str) -> ConnectionNotFound:
    return ConnectionNotFound(f"No connection {connection_id} in this workspace. List them with GET /v1/connections.")
