"""Exports of schedules are made some minutes after their period's end; and exports that nobody works on are taken up again."""

from datetime import timedelta

from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import periods, sent_gateway
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import requests, store
from oppulence.metering.exports.models import Export, Status
from oppulence.metering.windows import zone

GRACE = timedelta(minutes=15)
"""What comes so late is in the export of its period, which waits until it is settled. What comes later still is not in any:
export the period again.
"""

_MOST = 200


def start(scope: Scope) -> dict[str, int]:
    """Make the exports whose time has come. `scope` has no workspace."""
    done = {"made": 0, "taken_up": 0}
    for workspace_id, export_id in in_transaction(scope, lambda uow: store.to_start(uow.conn, uow.now - GRACE, _MOST)):
        sent = sent_gateway.last(workspace_id)
        if sent != sent_gateway.UNKNOWN:  # else it is made at the next run
            done["made"] += in_transaction(
                Scope(scope.context, workspace_id),
                lambda uow, one=export_id, sent=sent: _make(uow, one, sent),  # type: ignore[misc]
            )
    for workspace_id, export_id in in_transaction(scope, lambda uow: store.left_behind(uow.conn, _MOST)):
        done["taken_up"] += in_transaction(Scope(scope.context, workspace_id), lambda uow, one=export_id: _take_up(uow, one))  # type: ignore[misc]
    return done


def _make(uow: UnitOfWork, schedule_id: str, sent: tuple[str, ...]) -> int:
    schedule = store.fetch(uow.conn, schedule_id, lock=True)
    if schedule is None or schedule.every is None or schedule.next_at is None or schedule.next_at > uow.now - GRACE:
        return 0
    size, tz = schedule.every.size, zone(schedule.time_zone)
    period = periods.ending(size, tz, schedule.next_at)
    own = {
        "id": new_id("uex"), "schedule_id": schedule_id, "since": period.start, "until": period.end, "every": None,
        "next_at": None, "status": Status.RUNNING, "requested_at": uow.now,
    }  # fmt: skip
    made = requests.save(uow, schedule.model_copy(update=own), sent)
    store.move_schedule(uow.conn, schedule_id, periods.next_end(size, tz, schedule.next_at))
    return int(made)


def _take_up(uow: UnitOfWork, export_id: str) -> int:
    export: Export | None = store.fetch(uow.conn, export_id, lock=True)
    if export is None or export.status is not Status.RUNNING:
        return 0
    store.let_go(uow.conn, export_id)
    uow.emit(UsageExportRequested(export_id=export_id, from_file=export.files + 1))
    return 1
