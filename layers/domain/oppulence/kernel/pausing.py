"""A database that pauses. Where Aurora may go down to nothing, nothing of ours keeps it awake.

Every function closes its connections after each invocation, and clocks tick without effect when the last write from outside
is ten minutes ago: an item in DynamoDB says so. Only what comes from outside leaves that mark, which is requests, steps of
machines and webhooks. What follows from those is done within the ten minutes; and if what follows from a clock left it too,
the clocks would keep each other awake.
"""

import sys
import time
from typing import TYPE_CHECKING, Any

from oppulence.kernel import environment, telemetry
from oppulence.kernel.declarations import Consumer, Declaration, Entry, Route, Task

if TYPE_CHECKING:
    from oppulence.kernel.db import Connection

AWAKE_S = 600
FROM_OUTSIDE = "connections.webhook."
"""Types of events that are what providers told us."""

MARK = "last_write"
_SHARED = {"wrote": False}
"""Whether the running invocation has committed a write."""


def note_write(conn: "Connection") -> None:
    """Remember, before a commit, whether it writes anything."""
    if not _is_on() or _SHARED["wrote"] or conn.info.transaction_status.name != "INTRANS":
        return
    row = conn.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()
    _SHARED["wrote"] = row is not None and bool(row[0])


def is_asleep() -> bool:
    """Whether clocks should let the database be."""
    if not _is_on():
        return False
    from oppulence.kernel.aws import client

    found = client("dynamodb").get_item(TableName=_table(), Key={"id": {"S": MARK}}, ConsistentRead=True).get("Item")
    return found is None or float(found["expires_at"]["N"]) < time.time()


def entry(declared: Declaration, handle: Entry) -> Entry:
    """The handler as AWS calls it, with its declaration: after it has answered, the database may pause."""

    def handler(event: dict[str, Any], context: object) -> Any:  # noqa: ANN401
        try:
            return handle(event, context)
        finally:
            if _is_on():
                _rest(declared)

    handler.declaration = declared  # type: ignore[attr-defined]
    return handler


def _is_on() -> bool:
    return environment.optional("PAUSE_TABLE") is not None


def _table() -> str:
    return environment.required("PAUSE_TABLE")


def _rest(declared: Declaration) -> None:
    if _SHARED["wrote"] and _is_from_outside(declared):
        _leave_mark()
    _SHARED["wrote"] = False
    if db := sys.modules.get("oppulence.kernel.db"):  # routes without PostgreSQL never load its driver
        db.close_all()


def _is_from_outside(declared: Declaration) -> bool:
    if isinstance(declared, Consumer):
        return declared.foreign is not None or declared.event.type.startswith(FROM_OUTSIDE)
    return isinstance(declared, Route | Task)


def _leave_mark() -> None:
    """If it cannot be left, the answer stands all the same: the next write tries again."""
    from botocore.exceptions import BotoCoreError, ClientError

    from oppulence.kernel.aws import client

    item = {"id": {"S": MARK}, "expires_at": {"N": str(int(time.time()) + AWAKE_S)}}
    try:
        client("dynamodb").put_item(TableName=_table(), Item=item)
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("last_write_not_marked", extra={"reason": str(error)})
