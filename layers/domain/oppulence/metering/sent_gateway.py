"""The batches that each workspace sent to the queue last, in DynamoDB: by them an answer knows whether something is on its way.

A workspace has one item with so many places, into the first of which a batch pushes, so its size stays the same whatever waits. A
batch that still waits when so many after it have landed is gone from it.
"""

import time
from collections.abc import Sequence
from functools import cache

from oppulence.kernel import environment, telemetry

PLACES = 32
"""What fits into a unit of writing, a kilobyte."""

_KEPT_S = 14 * 86_400
"""As long as a queue keeps a message."""

UNKNOWN = ("unknown",)
"""No batch is called so: who cannot know what was sent says that something may be on its way."""

_BESIDE = ("id", "expires_at")


def note(workspace_id: str, batch_ids: Sequence[str]) -> None:
    """Note batches that the queue took, in their order. That it took them stands, whether they are noted or not."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    newest = batch_ids[::-1][:PLACES]
    if not newest:
        return
    try:
        client("dynamodb").update_item(
            TableName=environment.required("LIMITS_TABLE"), Key=_key(workspace_id), UpdateExpression=_pushing(len(newest)),
            ExpressionAttributeValues={
                ":until": {"N": str(int(time.time()) + _KEPT_S)}, **{f":p{n}": {"S": id_} for n, id_ in enumerate(newest)},
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
    return tuple({value["S"] for name, value in item.items() if name not in _BESIDE})


@cache
def _pushing(count: int) -> str:
    """Puts so many ids into the first places, from which others move on, the last one first. No place stays empty."""
    moved = [f"p{n} = if_not_exists(p{n - count}, :p0)" for n in range(PLACES - 1, count - 1, -1)]
    return ", ".join(["SET expires_at = :until", *moved, *(f"p{n} = :p{n}" for n in range(count))])


def _key(workspace_id: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"usage:{workspace_id}"}}
