"""What landed events count, for all versions of their workspaces' meters, as rows of the analytical store's tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from oppulence.metering.batches import Written
from oppulence.metering.evaluation import Rule, rule
from oppulence.metering.models import MeterVersion
from oppulence.metering.usage_event import SentEvent, parse

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Counted:
    """A version of a meter. `since` is the workspace's revision with which it came; `filled` as in `metering.meter_versions`."""

    version: MeterVersion
    since: int
    filled: int | None
    dimensions: tuple[str, ...]

    @cached_property
    def rule(self) -> Rule:
        """What events count for it."""
        return rule(self.version)


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
class Reckoning:
    """Makes rows of `usage_landed_values`; `used` are the (workspace, meter) for which an event counted something."""

    used: set[tuple[str, str]] = field(default_factory=set)

    def of_batches(self, batches: Iterable[Written], counting: Mapping[str, Counting]) -> Iterator[Row]:
        """What the events of batches count by what their workspaces count."""
        for batch in batches:
            if wanted := counting[batch.workspace_id].all_by_type:
                events = ((sequence, event, batch.stored_at) for sequence, event in enumerate(batch.events, batch.first))
                yield from self.of_batch(batch.workspace_id, batch.id, events, wanted)

    def of_batch(
        self,
        workspace_id: str,
        batch_id: str,
        events: Iterable[tuple[int, SentEvent, datetime]],
        wanted: Mapping[str, Sequence[Counted]],
    ) -> list[Row]:
        """What events of a batch, each with its sequence and when it was stored, count for versions of their types."""
        rows: list[Row] = []
        used: set[str] = set()
        for sequence, (source, id_, kind, subject, time, data), stored_at in events:
            versions = wanted.get(kind)
            if not versions:
                continue
            content = None if data is None else parse(data)
            for counted in versions:
                if found := counted.rule(time, content):
                    meter = counted.version.meter_id
                    place = (workspace_id, batch_id, sequence, meter, counted.version.version)
                    rows.append((*place, subject, time, source, id_, stored_at, *found))
                    if not found[-1]:
                        used.add(meter)
        self.used |= {(workspace_id, meter) for meter in used}
        return rows


def settled(rows: Iterable[Row], number: int) -> tuple[list[Row], list[Row]]:
    """The same as rows of `usage_values` and of `usage_rejections`, of a settlement."""
    values: list[Row] = []
    rejections: list[Row] = []
    for workspace_id, _, sequence, meter, version, subject, time, source, id_, stored_at, *what, problem in rows:
        if problem:
            rejections.append((workspace_id, time, source, id_, meter, version, problem, number))
        else:
            values.append((workspace_id, meter, version, subject, time, source, id_, stored_at, sequence, *what, number))
    return values, rejections


def event_rows(batches: Iterable[Written]) -> Iterator[Row]:
    """All events of batches as rows of `usage_landing`."""
    for batch in batches:
        for sequence, event in enumerate(batch.events, batch.first):
            yield (batch.workspace_id, batch.id, sequence, *event[:5], batch.stored_at, event.data)


def latest(batch: Written) -> datetime:
    """The greatest time of its events."""
    return max(event.time for event in batch.events)
