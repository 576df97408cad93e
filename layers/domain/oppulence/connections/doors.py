"""What the doors know of connections follows PostgreSQL.

Use cases write a connection's item before they answer; a consumer of the connection's events writes it again, which repairs
what the first writing missed; `rebuild` writes them all.
"""

from oppulence.connections import door_table, store
from oppulence.connections.store import Connection
from oppulence.kernel import crypto, telemetry
from oppulence.kernel.crypto import Keyring
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction


def write_through(uow: UnitOfWork, row: Connection) -> None:
    """Write a changed connection's items once the transaction has committed, before the caller is answered."""
    ring = crypto.keyring(uow.conn, uow.workspace_id)
    ids = store.of_provider(uow.conn, row.provider)
    uow.after_commit(lambda: _write_or_log(row, ring, ids))


def repair(workspace_id: str, connection_id: str) -> None:
    """Write a connection's items from PostgreSQL; one that is gone needs none."""

    def present(uow: UnitOfWork) -> tuple[Connection, Keyring, list[str]] | None:
        row = store.get(uow.conn, connection_id)
        return None if row is None else (row, crypto.keyring(uow.conn, workspace_id), store.of_provider(uow.conn, row.provider))

    found = in_transaction(Scope("connections", workspace_id), present)
    if found is not None:
        door_table.write(*found)


def erase(uow: UnitOfWork) -> None:
    """Delete a workspace's connections and, once that has committed, what the doors know of them, its wrapped keys included."""
    for connection_id, provider in store.delete_all(uow.conn):
        uow.after_commit(lambda one=connection_id: door_table.delete(one))  # type: ignore[misc]
        uow.after_commit(lambda one=provider: door_table.delete(door_table.listing_id(uow.workspace_id, one)))  # type: ignore[misc]


def rebuild() -> int:
    """Write every connection's items again; returns how many. For a table that was lost."""
    found = in_transaction(Scope("connections", None), lambda uow: store.everywhere(uow.conn))
    for workspace_id, connection_id in found:
        repair(workspace_id, connection_id)
    return len(found)


def _write_or_log(row: Connection, ring: Keyring, ids: list[str]) -> None:
    """The connection's event brings the consumer that writes the item again, so a failure here is made good."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        door_table.write(row, ring, ids)
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("door_table_not_written", extra={"connection_id": row.id, "reason": str(error)})
