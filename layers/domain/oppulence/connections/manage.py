"""Connecting, listing, changing and removing provider accounts."""

from dataclasses import replace

from oppulence.connections import doors, store
from oppulence.connections.door_table import SECRETS
from oppulence.connections.errors import ConnectionExists, ConnectionNotFound, SecretInUse
from oppulence.connections.events import ConnectionCreated, ConnectionDeleted, ConnectionUpdated
from oppulence.connections.models import ConnectionQuery, ConnectionView, NewConnection
from oppulence.connections.store import Connection
from oppulence.kernel import crypto, environment
from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import After, Page, paginate
from oppulence.kernel.uow import UnitOfWork

API_KEY = "api_key"
_VALID_SECRETS = 2


def create(uow: UnitOfWork, wanted: NewConnection) -> ConnectionView:
    """Connect a provider account; its door opens with the answer.

    Raises:
        ConnectionExists: the workspace has a live connection to this account.
    """
    row = Connection(
        id=new_id("conn"), workspace_id=uow.workspace_id, provider=wanted.provider, provider_account_id=wanted.stripe_account,
        status="active", api_key=_seal(uow, wanted.api_key, API_KEY) if wanted.api_key else None,
        webhook_secrets=_seal(uow, wanted.webhook_secrets, SECRETS), metadata=dict(wanted.metadata), version=1,
        created_at=uow.now, updated_at=uow.now,
    )  # fmt: skip
    if not store.insert(uow.conn, row):
        raise ConnectionExists(
            f"Account {wanted.stripe_account} is connected already. Change that connection, or remove it first."
        )
    uow.emit(ConnectionCreated(connection_id=row.id, provider=row.provider))
    uow.audit("connection.created", "connection", row.id, after={"provider": row.provider, "account": row.provider_account_id})
    doors.write_through(uow, row)
    return view(row)


def get(uow: UnitOfWork, connection_id: str) -> ConnectionView:
    """One connection.

    Raises:
        ConnectionNotFound: this workspace has none of that id.
    """
    return view(_found(store.get(uow.conn, connection_id), connection_id))


def page(uow: UnitOfWork, query: ConnectionQuery) -> Page[ConnectionView]:
    """Connections, the newest first; removed ones only where asked for."""

    def fetch(after: After | None, most: int) -> list[ConnectionView]:
        return [view(row) for row in store.page(uow.conn, query, after, most)]

    return paginate(uow, query, fetch, key=lambda one: (one.created_at, one.id))


def add_secret(uow: UnitOfWork, connection_id: str, secret: str) -> ConnectionView:
    """Accept a further signing secret. The newest two are valid, so that a rotation loses no webhook.

    Raises:
        ConnectionNotFound: this workspace has no live connection of that id.
        SecretInUse: it is valid already.
    """
    row = _live(uow, connection_id)
    present: list[str] = crypto.open_json(uow.conn, uow.workspace_id, row.webhook_secrets, SECRETS)
    if secret in present:
        raise SecretInUse("This connection accepts that secret already.", param="secret")
    changed = replace(
        row, webhook_secrets=_seal(uow, [secret, *present][:_VALID_SECRETS], SECRETS), updated_at=uow.now, version=row.version + 1
    )
    store.update(uow.conn, changed)
    uow.emit(ConnectionUpdated(connection_id=row.id, provider=row.provider))
    uow.audit("webhook.configured", "connection", row.id, metadata={"secrets": min(len(present) + 1, _VALID_SECRETS)})
    doors.write_through(uow, changed)
    return view(changed)


def remove(uow: UnitOfWork, connection_id: str) -> None:
    """Close a connection and its door; its credentials are destroyed, its history stays.

    Raises:
        ConnectionNotFound: this workspace has no live connection of that id.
    """
    row = _live(uow, connection_id)
    changed = replace(
        row,
        status="disconnected",
        api_key=None,
        webhook_secrets=_seal(uow, [], SECRETS),
        updated_at=uow.now,
        version=row.version + 1,
    )
    store.update(uow.conn, changed)
    uow.emit(ConnectionDeleted(connection_id=row.id, provider=row.provider))
    uow.audit("connection.deleted", "connection", row.id, before={"provider": row.provider, "account": row.provider_account_id})
    doors.write_through(uow, changed)


def view(row: Connection) -> ConnectionView:
    """What the API shows of a row."""
    base = environment.optional("API_URL") or ""
    return ConnectionView.model_validate(
        {
            "id": row.id, "provider": row.provider, "status": row.status, "provider_account_id": row.provider_account_id,
            "webhook_url": f"{base}/v1/webhooks/{row.provider}/{row.id}", "has_api_key": row.api_key is not None,
            "metadata": row.metadata, "created_at": row.created_at, "updated_at": row.updated_at,
        }
    )  # fmt: skip


def _live(uow: UnitOfWork, connection_id: str) -> Connection:
    row = _found(store.get(uow.conn, connection_id, lock=True), connection_id)
    if row.status == "disconnected":
        raise ConnectionNotFound(f"Connection {connection_id} was removed. Create a new one.")
    return row


def _found(row: Connection | None, connection_id: str) -> Connection:
    if row is None:
        raise ConnectionNotFound(f"No connection {connection_id} in this workspace. List them with GET /v1/connections.")
    return row


def _seal(uow: UnitOfWork, value: object, purpose: str) -> bytes:
    return crypto.seal_json(uow.conn, uow.workspace_id, value, purpose)
