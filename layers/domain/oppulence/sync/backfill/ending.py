"""How types and backfills come to their end."""

from collections.abc import Iterable, Sequence

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import store
from oppulence.sync.backfill.models import State, Status, TypeRow
from oppulence.sync.events import BackfillEnded, BackfillTypeEnded

REASON_MAX = 500


def end_types(uow: UnitOfWork, backfill_id: str, names: Sequence[str] | None, state: State, reason: str | None = None) -> None:
    """End types of a running backfill, or all that are not over; with the last one the backfill ends."""
    backfill = store.fetch(uow.conn, backfill_id, lock=True)
    if backfill is None or backfill.status != Status.RUNNING:
        return
    kept = reason[:REASON_MAX] if reason else None
    ended = store.end_types(uow.conn, backfill_id, names, {"state": state, "reason": kept, "at": uow.now})
    for row in ended if state is not State.CANCELLED else ():
        uow.emit(
            BackfillTypeEnded(
                backfill_id=backfill_id, object_type=row.type, state=row.state, rows_listed=row.rows_listed,
                rows_changed=row.rows_changed,
            )
        )  # fmt: skip
    rows = store.types(uow.conn, backfill_id)
    if all(row.is_over for row in rows):
        status = outcome(rows)
        store.end(uow.conn, backfill_id, status, uow.now)
        uow.emit(BackfillEnded(backfill_id=backfill_id, connection_id=backfill.connection_id, status=status.value))


def outcome(rows: Iterable[TypeRow]) -> Status:
    """What a backfill is whose types are over: the worst of them."""
    states = {row.state for row in rows}
    if State.CANCELLED in states:
        return Status.CANCELLED
    if State.FAILED in states:
        return Status.FAILED
    return Status.PARTIAL if State.REFUSED in states else Status.COMPLETED
