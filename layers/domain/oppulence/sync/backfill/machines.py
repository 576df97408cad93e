"""Each type has one machine that lists it. Its name is reserved with the row; only the machine of that name may act.

A few run at a time. A type whose listing goes through parents waits until the parents' type is over, if that is of the same
backfill; with connected accounts all types wait for the accounts.
"""

from collections.abc import Sequence
from functools import partial

from oppulence.kernel import machines
from oppulence.kernel.consume import Received
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.sync.backfill import ending, store
from oppulence.sync.backfill.listing import is_of_the_platform
from oppulence.sync.backfill.models import Backfill, State, Status, TypeRow
from oppulence.sync.object_types import TYPES

AT_ONCE = 6
"""Types of a backfill that are listed at the same time: they share one pace, so more would only wait more."""

EXECUTIONS_MAX = 10
SWEEP_MAX = 100


def start_ready(scope: Scope, backfill_id: str) -> int:
    """Start machines for the types whose turn it is, and those that were named and not started; returns how many.

    Raises:
        ClientError, BotoCoreError: Step Functions did not take one; calling again is harmless.
    """
    reserved = in_transaction(scope, lambda uow: _reserve(uow, backfill_id))
    for row in reserved:
        _start(scope, row)
    return len(reserved)


def start_asked(received: Sequence[Received]) -> None:
    """The same for backfills of one workspace that a queue tells of."""
    scope = Scope("sync", received[0].envelope.workspace_id)
    for backfill_id in dict.fromkeys(str(one.envelope.data["backfill_id"]) for one in received):
        start_ready(scope, backfill_id)


def start_missing(scope: Scope) -> dict[str, int]:
    """Look after backfills that nobody works on though somebody should. `scope` has no workspace."""
    found = in_transaction(scope, lambda uow: store.without_machine(uow.conn, SWEEP_MAX))
    return machines.look_after(scope, found, _revive)


def _revive(scope: Scope, backfill_id: str) -> int:
    rows = in_transaction(scope, lambda uow: store.types(uow.conn, backfill_id))
    started = 0
    for row in rows:
        if row.state == State.RUNNING and row.execution_arn is not None:
            if machines.is_running(row.execution_arn):
                continue
            following = in_transaction(scope, partial(_name_next, seen=row))
            if following is not None:
                _start(scope, following)
                started += 1
    return started + start_ready(scope, backfill_id)


def _reserve(uow: UnitOfWork, backfill_id: str) -> list[TypeRow]:
    backfill = store.fetch(uow.conn, backfill_id, lock=True)
    if backfill is None or backfill.status != Status.RUNNING:
        return []
    rows = store.types(uow.conn, backfill_id)
    running = [row for row in rows if row.state == State.RUNNING]
    turn = [row for row in rows if row.state == State.WAITING and not _waits(row, rows, backfill)]
    named = [store.start(uow.conn, row, name_of(row), uow.now) for row in turn[: max(0, AT_ONCE - len(running))]]
    return [row for row in running if row.execution_arn is None] + named


def _waits(row: TypeRow, rows: Sequence[TypeRow], backfill: Backfill) -> bool:
    """Whether what the type goes through is still being listed."""
    kind = TYPES[row.type]
    needed = {kind.parent.type} if kind.parent else set()
    if backfill.connected and not is_of_the_platform(kind):
        needed.add("account")
    return any(one.type in needed and not one.is_over for one in rows)


def _name_next(uow: UnitOfWork, seen: TypeRow) -> TypeRow | None:
    """Reserve the next machine's name after one that ended before its time, unless somebody else did meanwhile."""
    backfill = store.fetch(uow.conn, seen.backfill_id, lock=True)
    row = store.fetch_type(uow.conn, seen.backfill_id, seen.type, lock=True)
    if backfill is None or row is None or row.is_over or row.execution_name != seen.execution_name:
        return None
    if row.executions >= EXECUTIONS_MAX:
        reason = f"its execution ended before its time {EXECUTIONS_MAX} times"
        ending.end_types(uow, row.backfill_id, [row.type], State.FAILED, reason)
        return None
    return store.start(uow.conn, row, name_of(row), uow.now)


def name_of(row: TypeRow) -> str:
    """The name of a type's next execution, such as `bf_...-checkout_session` and, after a crash, `...-2`."""
    name = f"{row.backfill_id}-{row.type.replace('.', '_')}"
    return name if row.executions == 0 else f"{name}-{row.executions + 1}"


def _start(scope: Scope, row: TypeRow) -> None:
    given = {"workspace_id": str(scope.workspace_id), "backfill_id": row.backfill_id, "object_type": row.type}
    arn = machines.start("sync/backfill", str(row.execution_name), **given)
    in_transaction(scope, lambda uow: store.save_started(uow.conn, row, arn))
