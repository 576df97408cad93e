"""What landed events count, for all versions of their workspaces' meters, as rows of the analytical store's tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from oppulence.metering.batches import Written
from oppulence.metering.evaluation import Rule, rule
from oppulence.metering.models import MeterVersion
from oppulence.metering.usage_event import SentEvent, parse

Row = tuple[Any, ...]

_KNOWN_WITHIN = timedelta(minutes=1)
"""From its end on until everybody who reckons knows of it."""


@dataclass(frozen=True)
class Counted:
    """A version of a meter. `since` is the workspace's revision with which it came; `filled` as in `metering.meter_versions`."""

    version: MeterVersion
    since: int
    filled: int | None
    dimensions: tuple[str, ...]

    @cached_property
    def counts(self) -> "Counts":
        """How it counts events: also those of a later time that were stored before its end. They counted while nobody knew of
        that end, and do so again in a rebuild; who reads leaves out what is past a version's time.
        """
        until = self.version.effective_until
        endless = self.version.model_copy(update={"effective_until": None})
        return self.version.meter_id, self.version.version, until and until + _KNOWN_WITHIN, rule(endless)


Counts = tuple[str, int, datetime | None, Rule]
"""A meter, one of its versions, the end of what it may count, by an event's time or when it was stored, and what events count."""


@dataclass(frozen=True)
class Counting:
    """All that a workspace counts, as of a revision."""

    revision: int
    versions: tuple[Counted, ...]

    @cached_property
    def all_by_type(self) -> dict[str, list[Counts]]:
        """All versions, by the type of events they count."""
        return self.by_type()

    def by_type(self, after: int = 0) -> dict[str, list[Counts]]:
        """The versions that came after a revision, by the type of events they count."""
        found: dict[str, list[Counts]] = {}
        for one in self.versions:
            if one.since > after:
                found.setdefault(one.version.event_type, []).append(one.counts)
        return found


@dataclass(slots=True)
class Reckoning:
    """Makes rows of `usage_landing`; `used` are the (workspace, meter) for which an event of the rows that were taken counted."""

    used: set[tuple[str, str]] = field(default_factory=set)

    def of_batches(self, batches: Iterable[Written], counting: Mapping[str, Counting]) -> Iterator[Row]:
        """All events of batches, with what they count by what their workspaces count."""
        for batch in batches:
            events = ((sequence, event, batch.stored_at) for sequence, event in enumerate(batch.events, batch.first))
            yield from self.of_batch(batch.workspace_id, batch.id, events, counting[batch.workspace_id].all_by_type)

    def of_batch(
        self,
        workspace_id: str,
        batch_id: str,
        events: Iterable[tuple[int, SentEvent, datetime]],
        wanted: Mapping[str, Sequence[Counts]],
    ) -> Iterator[Row]:
        """Events, each given with its sequence and when it was stored, with what they count for versions of their types."""
        used: set[str] = set()
        for sequence, (source, id_, kind, subject, time, data), stored_at in events:
            counted: list[Row] = []
            if versions := wanted.get(kind):
                content = None if data is None else parse(data)
                for meter, version, until, counts in versions:
                    if (until is None or time < until or stored_at < until) and (found := counts(time, content)):
                        counted.append((meter, version, *found))
                        if not found[-1]:
                            used.add(meter)
            yield workspace_id, batch_id, sequence, source, id_, kind, subject, time, stored_at, data, counted
        self.used |= {(workspace_id, meter) for meter in used}


def settled(rows: Iterable[Row], number: int) -> tuple[list[Row], list[Row]]:
    """What events count as rows of `usage_values` and of `usage_rejections`, of a settlement."""
    values: list[Row] = []
    rejections: list[Row] = []
    for workspace_id, _, sequence, source, id_, _, subject, time, stored_at, _, counted in rows:
        for meter, version, *what, problem in counted:
            if problem:
                rejections.append((workspace_id, time, source, id_, meter, version, problem, number))
            else:
                values.append((workspace_id, meter, version, subject, time, source, id_, stored_at, sequence, *what, number))
    return values, rejections


def latest(batch: Written) -> datetime:
    """The greatest time of its events."""
    return max(event.time for event in batch.events)
