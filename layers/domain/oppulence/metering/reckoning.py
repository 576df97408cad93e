"""What landed events count, for all versions of their workspaces' meters, as columns for the analytical store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from oppulence.metering.batches import Written
from oppulence.metering.evaluation import Rejection, evaluate
from oppulence.metering.models import MeterVersion
from oppulence.metering.usage_event import UsageEvent

EVENT_COLUMNS = (
    "workspace_id", "batch_id", "sequence", "source", "id", "type", "subject", "time", "stored_at", "data",
)  # fmt: skip
VALUE_COLUMNS = (
    "workspace_id", "batch_id", "sequence", "meter", "version", "subject", "time", "source", "id", "stored_at", "number", "text",
    "groups", "problem",
)  # fmt: skip
SETTLED_COLUMNS = (
    "workspace_id", "meter", "version", "subject", "time", "source", "id", "stored_at", "sequence", "number", "text", "groups",
)  # fmt: skip
REJECTION_COLUMNS = ("workspace_id", "time", "source", "id", "meter", "version", "problem")
Columns = Mapping[str, Sequence[Any]]

_ZERO = Decimal(0)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """A version of a meter. `since` is the workspace's revision with which it came; `filled` as in `metering.meter_versions`."""

    version: MeterVersion
    since: int
    filled: int | None
    dimensions: tuple[str, ...]


@dataclass(frozen=True)
class Counting:
    """All that a workspace counts, as of a revision."""

    revision: int
    versions: tuple[Counted, ...]

    @cached_property
    def all_by_type(self) -> dict[str, list[Counted]]:
        """All versions, by the type of events they count."""
        return self.by_type()

    def by_type(self, after: int = 0) -> dict[str, list[Counted]]:
        """The versions that came after a revision, by the type of events they count."""
        found: dict[str, list[Counted]] = {}
        for one in self.versions:
            if one.since > after:
                found.setdefault(one.version.event_type, []).append(one)
        return found


@dataclass(slots=True)
class Values:
    """Rows of what events count, and the (workspace, meter) for which something does."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)

    def add(self, workspace_id: str, batch_id: str, event: UsageEvent, versions: Iterable[Counted]) -> None:
        """Reckon an event for these versions."""
        time, stored_at = micros(event.time), micros(event.stored_at)
        for counted in versions:
            version = counted.version
            value = evaluate(version, event)
            if value is None:
                continue
            if isinstance(value, Rejection):
                what: tuple[Any, ...] = (_ZERO, "", [], value.reason)
            else:
                what = (value.number, value.text or "", [value.groups[name] for name in counted.dimensions], "")
                self.used.add((workspace_id, version.meter_id))
            place = (workspace_id, batch_id, event.sequence, version.meter_id, version.version)
            self.rows.append((*place, event.subject, time, event.source, event.id, stored_at, *what))

    def columns(self) -> Columns:
        """The rows by their columns."""
        return _columns(VALUE_COLUMNS, self.rows)

    def settled(self, number: int) -> tuple[Columns, Columns]:
        """The same as columns of `usage_values` and of `usage_rejections`, of a settlement."""
        found = []
        for names, rows in (
            (SETTLED_COLUMNS, [row for row in self.rows if not row[-1]]),
            (REJECTION_COLUMNS, [row for row in self.rows if row[-1]]),
        ):
            columns = _columns(VALUE_COLUMNS, rows)
            found.append({name: columns[name] for name in names} | {"settlement": [number] * len(rows)})
        return found[0], found[1]


def event_columns(batches: Sequence[Written]) -> Columns:
    """All events of batches as columns of `usage_landing`."""
    found: dict[str, list[Any]] = {name: [] for name in EVENT_COLUMNS}
    for batch in batches:
        number = len(batch.events)
        *sent, times, data = zip(*batch.events, strict=True)
        place = ([batch.workspace_id] * number, [batch.id] * number, range(batch.first, batch.first + number))
        stamps = (map(micros, times), [micros(batch.stored_at)] * number)
        for name, part in zip(EVENT_COLUMNS, (*place, *sent, *stamps, data), strict=True):
            found[name].extend(part)
    return found


def reckon(batches: Iterable[Written], counting: Mapping[str, Counting]) -> Values:
    """What the events of batches count by what their workspaces count."""
    values = Values()
    for batch in batches:
        wanted = counting[batch.workspace_id].all_by_type
        if not wanted:
            continue
        for sequence, sent in enumerate(batch.events, batch.first):
            if versions := wanted.get(sent.type):
                values.add(batch.workspace_id, batch.id, UsageEvent(*sent, batch.stored_at, sequence), versions)
    return values


def micros(at: datetime) -> int:
    """A time as the analytical store counts it: its client would ask each one for its time zone."""
    return (at - _EPOCH) // _MICROSECOND


def latest(batch: Written) -> datetime:
    """The greatest time of its events."""
    return max(event.time for event in batch.events)


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    return dict(zip(names, zip(*rows, strict=True) if rows else ([] for _ in names), strict=True))
