"""The doors' table: what a webhook's door needs to know of a connection, in DynamoDB, so that doors need no PostgreSQL.

PostgreSQL is the truth, and `doors` brings it here. An older version never overwrites a newer one. A second item per
workspace and provider lists the connections to try where the URL names none.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oppulence.kernel import environment
from oppulence.kernel.crypto import Keyring

if TYPE_CHECKING:
    from oppulence.connections.store import Connection

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


def read(connection_id: str) -> DoorRow | None:
    """The item of a connection."""
    item = _dynamodb().get_item(TableName=_table(), Key={"id": {"S": connection_id}}, ConsistentRead=True).get("Item")
    return _row(item) if item else None


def read_all(workspace_id: str, provider: str) -> list[DoorRow]:
    """The items of a workspace's connections to a provider, the newest first."""
    key = {"id": {"S": listing_id(workspace_id, provider)}}
    listing = _dynamodb().get_item(TableName=_table(), Key=key, ConsistentRead=True).get("Item")
    ids = [one["S"] for one in listing["connections"]["L"]] if listing else []
    rows = (read(connection_id) for connection_id in ids)
    return [row for row in rows if row is not None]


def write(row: "Connection", ring: Keyring, ids: list[str]) -> None:
    """Write a connection's item, and the listing of its provider's connections."""
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
        "id": {"S": listing_id(row.workspace_id, row.provider)},
        "connections": {"L": [{"S": one} for one in ids[:_MAX_LISTED]]},
    }
    _dynamodb().put_item(TableName=_table(), Item=listing)


def delete(item_id: str) -> None:
    """Delete an item."""
    _dynamodb().delete_item(TableName=_table(), Key={"id": {"S": item_id}})


def _row(item: dict[str, Any]) -> DoorRow:
    return DoorRow(
        connection_id=item["id"]["S"], workspace_id=item["workspace_id"]["S"], provider=item["provider"]["S"],
        status=item["status"]["S"], account=item.get("account", {}).get("S"), webhook_secrets=bytes(item["webhook_secrets"]["B"]),
        wrapped={int(version): bytes(value["B"]) for version, value in item["keys"]["M"].items()},
    )  # fmt: skip


def listing_id(workspace_id: str, provider: str) -> str:
    """Id of the item that lists a workspace's connections to a provider."""
    return f"{workspace_id}#{provider}"


def _dynamodb() -> Any:  # noqa: ANN401
    from oppulence.kernel.aws import client

    return client("dynamodb")


def _table() -> str:
    return environment.required("CONNECTIONS_TABLE")
