"""The batches that each workspace sent to the queue last, in DynamoDB: by them an answer knows whether something is on its way.

A workspace has one item with a few places, of which a batch takes one by its id, so its size stays the same whatever waits. A
batch that still waits when many after it have landed may be gone from it.
"""

import time
from collections.abc import Sequence
from zlib import crc32

from oppulence.kernel import environment, telemetry

PLACES = 16
_KEPT_S = 14 * 86_400
"""As long as a queue keeps a message."""

UNKNOWN = ("unknown",)
"""No batch is called so: who cannot know what was sent says that something may be on its way."""

_BESIDE = ("id", "expires_at")


def note(workspace_id: str, batch_ids: Sequence[str]) -> None:
    """Note batches that the queue took. That it took them stands, whether they are noted or not."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    places = {f"p{crc32(id_.encode()) % PLACES}": id_ for id_ in batch_ids}
    try:
        client("dynamodb").update_item(
            TableName=environment.required("LIMITS_TABLE"), Key=_key(workspace_id),
            UpdateExpression="SET expires_at = :until, " + ", ".join(f"{place} = :{place}" for place in places),
            ExpressionAttributeValues={
                ":until": {"N": str(int(time.time()) + _KEPT_S)}, **{f":{place}": {"S": id_} for place, id_ in places.items()},
            },
        )  # fmt: skip
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("sent_batches_not_noted", extra={"reason": str(error), "batches": len(batch_ids)})


def last(workspace_id: str) -> tuple[str, ...]:
    """The ids of batches that were sent last; `UNKNOWN` if DynamoDB does not say."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    table = environment.required("LIMITS_TABLE")
    try:
        item = client("dynamodb").get_item(TableName=table, Key=_key(workspace_id), ConsistentRead=True).get("Item", {})
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("sent_batches_not_read", extra={"reason": str(error)})
        return UNKNOWN
    return tuple(value["S"] for name, value in item.items() if name not in _BESIDE)


def _key(workspace_id: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"usage:{workspace_id}"}}
