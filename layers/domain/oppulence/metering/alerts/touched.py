"""What usage came since alerts were looked at last: cheaply, from the batches that were settled since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.metering.alerts import store
from oppulence.metering.alerts.models import Alert
from oppulence.metering.usage_store import COUNTED

MOST_BATCHES = 100
"""Of which one look takes the usage: some 100,000 events at most."""

SUBJECTS_A_PAGE = 500
_QUARTER = timedelta(minutes=15)


@dataclass(slots=True)
class Touched:
    """Up to which settlement was looked, and which quarters of an hour of which subjects of a meter had usage that is new.

    `filled`: meters for which earlier usage was counted.
    """

    settlement: int
    quarters: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)

    def subjects(self, meter_id: str) -> Sequence[str]:
        """Subjects of a meter that had usage."""
        return sorted(self.quarters.get(meter_id, ()))

    def span(self, meter_id: str, subjects: Iterable[str]) -> tuple[datetime, datetime] | None:
        """From the first to the last usage of some of the meter's subjects; the last instant is a little later than that."""
        found = [quarter for subject in subjects for quarter in self.quarters.get(meter_id, {}).get(subject, ())]
        return (_start(min(found)), _start(max(found)) + _QUARTER - timedelta(seconds=1)) if found else None


def since(scope: Scope, alerts: Sequence[Alert], settled: int) -> Touched:
    """What was settled since alerts were looked at, but for those that never were, up to a settlement or an earlier one."""
    looked = [one.looked for one in alerts if one.looked is not None]
    if not looked:
        return Touched(settled)
    found = in_transaction(scope, lambda uow: store.settled_after(uow.conn, min(looked), MOST_BATCHES))
    found = [one for one in found if one.settlement <= settled]
    batch_ids = [batch_id for one in found for batch_id in one.batch_ids]
    upto = found[-1].settlement if len(batch_ids) + len(found) >= MOST_BATCHES else settled
    touched = Touched(upto, filled={one.filled_meter_id for one in found if one.filled_meter_id is not None})
    for meter_id, subject, quarter in _rows(scope, batch_ids, sorted({one.meter_id for one in alerts})):
        touched.quarters.setdefault(meter_id, {}).setdefault(subject, set()).add(quarter)
    return touched


def all_subjects(scope: Scope, meter_id: str, place: tuple[datetime, str], settled: int) -> list[str]:
    """The next subjects of a meter with usage from an instant on, in order, after one."""
    begin, after = place
    rows = olap.query(
        """
        SELECT DISTINCT subject FROM usage_values
         WHERE workspace_id = {workspace_id:String} AND meter = {meter:String} AND settlement <= {settled:UInt64}
           AND time >= fromUnixTimestamp64Micro({begin_us:Int64}, 'UTC') AND subject > {after:String}
         ORDER BY subject LIMIT {most:UInt32}
        """,
        {
            "workspace_id": scope.workspace_id, "meter": meter_id, "settled": settled, "after": after, "most": SUBJECTS_A_PAGE,
            "begin_us": int(begin.timestamp()) * 1_000_000,
        },
    )  # fmt: skip
    return [str(row[0]) for row in rows]


def _rows(scope: Scope, batch_ids: Sequence[str], meter_ids: Sequence[str]) -> list[tuple[str, str, int]]:
    if not batch_ids:
        return []
    rows = olap.query(
        f"""
        SELECT DISTINCT meter, subject, intDiv(toUnixTimestamp64Micro(time), {{quarter_us:Int64}}) FROM {COUNTED}
         WHERE workspace_id = {{workspace_id:String}} AND batch_id IN {{batches:Array(String)}}
           AND meter IN {{meters:Array(String)}} AND problem = ''
        """,
        {
            "workspace_id": scope.workspace_id, "batches": list(batch_ids), "meters": list(meter_ids),
            "quarter_us": _QUARTER // timedelta(microseconds=1),
        },
    )  # fmt: skip
    return [(str(meter), str(subject), int(quarter)) for meter, subject, quarter in rows]


def _start(quarter: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + quarter * _QUARTER
