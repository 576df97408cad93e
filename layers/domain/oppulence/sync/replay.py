"""Applying stored webhooks again: after a mistake was mended, or for a part of the mirror that was lost.

A replay never doubles anything: an object's state is settled by the same rule, and a fact is told once, ever.
"""

from dataclasses import dataclass, field
from datetime import datetime

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import raw_store, retention, settling
from oppulence.sync.ordering import Seen
from oppulence.sync.retention_store import Export
from oppulence.sync.stripe_events import read

BATCH = 200


@dataclass(frozen=True)
class Selection:
    """Which stored events: all filters must fit."""

    event_ids: list[str] = field(default_factory=list)
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What one batch did. `cursor` is where the next goes on; None at the end."""

    events: int
    changed: int
    cursor: int | None


def count(uow: UnitOfWork, chosen: Selection) -> int:
    """How many stored events a selection holds."""
    return raw_store.count_selected(uow.conn, chosen.event_ids, chosen.type, (chosen.since, chosen.until))


def beyond(uow: UnitOfWork, chosen: Selection) -> list[Export]:
    """Where events of the selection's window lie that are past the workspace's retention: they cannot be replayed from here."""
    return retention.exported(uow, chosen.since, chosen.until)


def replay(uow: UnitOfWork, chosen: Selection, cursor: int = 0) -> Step:
    """Apply the next batch of a selection again, in the order of arrival."""
    found = raw_store.select(uow.conn, chosen.event_ids, chosen.type, (chosen.since, chosen.until), (cursor, BATCH))
    seen = [Seen(read(row.body), row.arrival, row.connection_id) for row in found]
    settled = settling.settle(uow, [one for one in seen if one.event.has_object])
    return Step(len(found), settled.changed, found[-1].arrival if len(found) == BATCH else None)
