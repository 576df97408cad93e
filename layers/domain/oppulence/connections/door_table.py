"""The doors' table: what a webhook's door needs to know of a connection, in DynamoDB, so that doors need no PostgreSQL.

PostgreSQL is the truth. Use cases write a connection's item before they answer; a consumer of the connection's events
writes it again, which repairs what the first writing missed; `rebuild` writes them all. An older version never
overwrites a newer one. A second item per workspace and provider lists the connections to try where the URL names none.
"""

from dataclasses import dataclass
from typing import Any

from oppulence.connections import store
from oppulence.connections.store import Connection
from oppulence.kernel import crypto, environment, telemetry
from oppulence.kernel.crypto import Keyring
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction

SECRETS = "webhook_secrets"
"""What the sealed signing secrets are bound to."""

_MAX_LISTED = 25


@dataclass(frozen=True)
class DoorRow:
    """A connection as its door sees it; `webhook_secrets` is sealed, `wrapped` are the keys that open it."""

    connection_id: str
    workspace_id: str
    provider: str
    status: str
    account: str | None
    webhook_secrets: bytes
    wrapped: dict[int, bytes]

    @property
    def keyring(self) -> Keyring:
        """The workspace's keys."""
        return Keyring(self.workspace_id, self.wrapped)


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
        _write(*found)


def erase(uow: UnitOfWork) -> None:
    """Delete a workspace's connections and, once that has committed, what the doors know of them, its wrapped keys included."""
    for connection_id, provider in store.delete_all(uow.conn):
        uow.after_commit(lambda one=connection_id: _delete(one))  # type: ignore[misc]
        uow.after_commit(lambda one=provider: _delete(_listing_id(uow.workspace_id, one)))  # type: ignore[misc]


def rebuild() -> int:
    """Write every connection's items again; returns how many. For a table that was lost."""
    found = in_transaction(Scope("connections", None), lambda uow: store.everywhere(uow.conn))
    for workspace_id, connection_id in found:
        repair(workspace_id, connection_id)
    return len(found)


def read(connection_id: str) -> DoorRow | None:
    """The item of a connection."""
    item = _dynamodb().get_item(TableName=_table(), Key={"id": {"S": connection_id}}, ConsistentRead=True).get("Item")
    return _row(item) if item else None


def read_all(workspace_id: str, provider: str) -> list[DoorRow]:
    """The items of a workspace's connections to a provider, the newest first."""
    key = {"id": {"S": _listing_id(workspace_id, provider)}}
    listing = _dynamodb().get_item(TableName=_table(), Key=key, ConsistentRead=True).get("Item")
    ids = [one["S"] for one in listing["connections"]["L"]] if listing else []
    rows = (read(connection_id) for connection_id in ids)
    return [row for row in rows if row is not None]


def _write_or_log(row: Connection, ring: Keyring, ids: list[str]) -> None:
    """The connection's event brings the consumer that writes the item again, so a failure here is made good."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _write(row, ring, ids)
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("door_table_not_written", extra={"connection_id": row.id, "reason": str(error)})


def _write(row: Connection, ring: Keyring, ids: list[str]) -> None:
    from botocore.exceptions import ClientError

    item: dict[str, Any] = {
        "id": {"S": row.id}, "workspace_id": {"S": row.workspace_id}, "provider": {"S": row.provider},
        "status": {"S": row.status}, "webhook_secrets": {"B": row.webhook_secrets}, "version": {"N": str(row.version)},
        "keys": {"M": {str(version): {"B": wrapped} for version, wrapped in ring.wrapped.items()}},
    }  # fmt: skip
    if row.provider_account_id:
        item["account"] = {"S": row.provider_account_id}
    try:
        _dynamodb().put_item(
            TableName=_table(), Item=item, ConditionExpression="attribute_not_exists(version) OR version <= :version",
            ExpressionAttributeValues={":version": {"N": str(row.version)}},
        )  # fmt: skip
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
    listing = {
        "id": {"S": _listing_id(row.workspace_id, row.provider)},
        "connections": {"L": [{"S": one} for one in ids[:_MAX_LISTED]]},
    }
    _dynamodb().put_item(TableName=_table(), Item=listing)


def _delete(item_id: str) -> None:
    _dynamodb().delete_item(TableName=_table(), Key={"id": {"S": item_id}})


def _row(item: dict[str, Any]) -> DoorRow:
    return DoorRow(
        connection_id=item["id"]["S"], workspace_id=item["workspace_id"]["S"], provider=item["provider"]["S"],
        status=item["status"]["S"], account=item.get("account", {}).get("S"), webhook_secrets=bytes(item["webhook_secrets"]["B"]),
        wrapped={int(version): bytes(value["B"]) for version, value in item["keys"]["M"].items()},
    )  # fmt: skip


def _listing_id(workspace_id: str, provider: str) -> str:
    return f"{workspace_id}#{provider}"


def _dynamodb() -> Any:  # noqa: ANN401
    from oppulence.kernel.aws import client

    return client("dynamodb")


def _table() -> str:
    return environment.required("CONNECTIONS_TABLE")
