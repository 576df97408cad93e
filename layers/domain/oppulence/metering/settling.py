"""Settling: each event once, in numbered settlements of a shard. A number's rows are the same however often they are written.

One settles a shard at a time (a lease); two who did would write the same, as each settlement is first written down as an intent:
which batches, or which part of a version's fill. A settlement counts for the versions that were taken up before it; what was
settled before a version was taken up is counted for it by fills, so that of an event and a version there is one number exactly.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from oppulence.kernel import clock, telemetry
from oppulence.kernel.ids import random_text
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import reckoning, settlements, usage_store
from oppulence.metering.reckoning import Counting, Reckoning, Row
from oppulence.metering.settlements import Intent, Landed
from oppulence.metering.usage_event import SentEvent
from oppulence.metering.usage_store import Part, Version

MOST_EVENTS, MOST_BYTES = 100_000, 64_000_000
"""Of one settlement."""

VALUES_AT_ONCE = 1_000_000
"""Which one statement writes; it may take a minute."""

DUE_EVENTS, DUE_AFTER_S = 10_000, 10.0
"""A shard is settled when so many events wait, or one has so long."""

_TURN_S = 5.0
"""As long a shard is settled before others have their turn."""

_LEASE_S = 150
_AT_ONCE = 20_000
_STATEMENTS_AT_ONCE = 2  # one thread of the server carries out each
_NOBODY = Scope("metering", None)


class LeaseLost(RuntimeError):
    """Another one settles the shard by now."""


def due() -> list[int]:
    """The shards that are to be settled now, the one that waits longest first."""
    waiting = in_transaction(_NOBODY, lambda uow: settlements.waiting(uow.conn))
    found = [one for one in waiting if one.unfinished or one.events >= DUE_EVENTS or one.oldest_s >= DUE_AFTER_S]
    return [one.shard for one in sorted(found, key=lambda one: -one.oldest_s)]


def sweep(seconds: float = 50.0) -> dict[str, float]:
    """Measure what waits, and settle what is due; returns both.

    Raises:
        Unavailable: a store is down.
    """
    waiting = in_transaction(_NOBODY, lambda uow: settlements.waiting(uow.conn))
    age, events = max(one.oldest_s for one in waiting), sum(one.events for one in waiting)
    telemetry.metrics({"usage_tail_age_seconds": (age, "Seconds"), "usage_tail_events": (events, "Count")})
    return {"waiting_s": round(age, 1), "events": events, "settlements": settle_due(seconds)}


def settle_due(seconds: float, shards: Collection[int] | None = None) -> int:
    """Settle shards that are due, or of these only, until that is done or the time is up; returns how many settlements.

    A shard that fails holds up no other one: it is left out then, and its error is raised in the end.
    """
    until = time.monotonic() + seconds
    done, failed = 0, dict[int, Exception]()
    while time.monotonic() < until:
        made = 0
        for shard in due():
            if time.monotonic() < until and (shards is None or shard in shards) and shard not in failed:
                try:
                    made += settle(shard, min(_TURN_S, until - time.monotonic()))
                except Exception as error:  # noqa: BLE001 - told, and the first one is raised
                    telemetry.logger().error("shard_not_settled", exc_info=error, extra={"shard": shard})
                    failed[shard] = error
        if not made:
            break
        done += made
    if failed:
        raise next(iter(failed.values()))
    return done


def settle(shard: int, seconds: float = 60.0) -> int:
    """Settle a shard until nothing waits or the time is up; returns how many settlements that took. None, if another one does, or
    it is not whole.

    Raises:
        Unavailable: a store is down; what was intended is finished by the next one.
    """
    until = time.monotonic() + seconds
    lease = Lease.take(shard)
    if lease is None:
        return 0
    done = 0
    try:
        while _one(lease):
            done += 1
            if time.monotonic() >= until:
                break
    except LeaseLost:
        telemetry.logger().warning("lease_lost", extra={"shard": shard})
    finally:
        lease.leave()
    return done


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard that is held."""

    shard: int
    holder: str
    generation: int

    @classmethod
    def take(cls, shard: int, *, to_rebuild: bool = False) -> "Lease | None":
        """Take the lease, if nobody has it. Once it was taken to rebuild, nothing is settled until that is done."""
        holder, hold = random_text(20), settlements.hold_to_rebuild if to_rebuild else settlements.hold
        generation = in_transaction(_NOBODY, lambda uow: hold(uow.conn, shard, holder, _LEASE_S))
        return None if generation is None else cls(shard, holder, generation)

    def hold(self, uow: UnitOfWork) -> None:
        """Prolong it; the shard stays locked until the transaction ends.

        Raises:
            LeaseLost
        """
        if settlements.hold(uow.conn, self.shard, self.holder, _LEASE_S) is None:
            raise LeaseLost

    def prolong(self) -> None:
        """Raises:
        LeaseLost
        """
        in_transaction(_NOBODY, self.hold)

    def leave(self) -> None:
        """Give it back; if that fails it runs out."""
        in_transaction(_NOBODY, lambda uow: settlements.leave(uow.conn, self.shard, self.holder))


def _one(lease: Lease) -> bool:
    """Carry out one settlement; False when there was none."""

    def intend(uow: UnitOfWork) -> Intent | None:
        lease.hold(uow)
        return settlements.intend(uow.conn, lease.shard, MOST_EVENTS, MOST_BYTES)

    intent = in_transaction(_NOBODY, intend)
    if intent is None:
        return False
    events = carry_out(lease, intent)

    def finish(uow: UnitOfWork) -> None:
        lease.hold(uow)
        settlements.finish(uow.conn, lease.shard, intent.number, clock.now())

    in_transaction(_NOBODY, finish)
    if intent.meter_id is None:
        telemetry.metric("usage_events_settled_total", events, "Count")
    return True


def carry_out(lease: Lease, intent: Intent) -> int:
    """Write a settlement's rows, as often as need be; returns the events of its batches.

    Raises:
        Unavailable: a store is down.
        LeaseLost
    """
    if intent.meter_id is not None:
        _fill(lease, intent)
        return 0
    found = in_transaction(_NOBODY, partial(_read, lease, intent))
    if found.batches:
        _reckon_again(found)
        part = Part(
            lease.shard, intent.number, lease.generation, intent.again, sorted(found.counting), [b.id for b in found.batches]
        )  # fmt: skip
        first, *others = _portions(found)
        rounds = [(tables, first) for tables in usage_store.STEPS]
        rounds[-1:-1] = [(usage_store.BY_VERSION, versions) for versions in others]
        with ThreadPoolExecutor(_STATEMENTS_AT_ONCE) as beside:
            for tables, versions in rounds:
                lease.prolong()
                written = [beside.submit(usage_store.settle, part, table, versions, not others) for table in tables]
                for one in written:
                    one.result()
    return sum(one.events for one in found.batches)


@dataclass(frozen=True, slots=True)
class _Found:
    """A settlement's batches, and what it counts."""

    batches: list[Landed]
    counting: Mapping[str, Counting]


def _read(lease: Lease, intent: Intent, uow: UnitOfWork) -> _Found:
    """Erased workspaces have no batches any more. Versions that were taken up later are another settlement's."""
    batches = settlements.batches_of(uow.conn, lease.shard, intent.number)
    found = settlements.counting(uow.conn, {one.workspace_id for one in batches})
    counting = {
        workspace_id: Counting(one.revision, tuple(c for c in one.versions if c.filled is not None and c.filled < intent.number))
        for workspace_id, one in found.items()
    }
    return _Found([one for one in batches if one.workspace_id in counting], counting)


def _portions(found: _Found) -> list[list[Version]]:
    """The versions for which one statement counts: an event counts for few of them, whatever number of meters count its type."""
    width = max(1, VALUES_AT_ONCE // sum(one.events for one in found.batches))
    portions: defaultdict[int, list[Version]] = defaultdict(list)
    for counting in found.counting.values():
        of_type: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for one in counting.versions:
            alike, meter_id = of_type[one.version.event_type], one.version.meter_id
            portions[alike.setdefault(meter_id, len(alike)) // width].append((meter_id, one.version.version))
    most = usage_store.VERSIONS_AT_ONCE
    return [some[n : n + most] for _, some in sorted(portions.items()) for n in range(0, len(some), most)] or [[]]


def _reckon_again(found: _Found) -> None:
    """Reckon what landed before a version came that is counted."""
    needed = {workspace_id: max((c.since for c in one.versions), default=0) for workspace_id, one in found.counting.items()}
    stale = [one for one in found.batches if one.revision < needed[one.workspace_id]]
    while stale:
        some: list[Landed] = []
        while stale and sum(one.events for one in some) < _AT_ONCE:
            some.append(stale.pop())
        reckoned = Reckoning()
        usage_store.land(_missing(reckoned, some, found.counting))

        def save(uow: UnitOfWork, reckoned: Reckoning = reckoned, some: Sequence[Landed] = some) -> None:
            settlements.mark_counted(uow.conn, reckoned.used, uow.now)
            settlements.reckoned(uow.conn, [(one.workspace_id, one.id, needed[one.workspace_id]) for one in some])

        in_transaction(_NOBODY, save)


def _missing(reckoned: Reckoning, batches: Sequence[Landed], counting: Mapping[str, Counting]) -> Iterator[Row]:
    """The events that count for versions for which their batches are not reckoned, once more, with what they count for these."""
    revisions = {(one.workspace_id, one.id): one.revision for one in batches}
    by_type = {
        place: counting[place[0]].by_type(after=revision) for place, revision in revisions.items()
    }  # fmt: skip
    types = sorted({kind for one in by_type.values() for kind in one})
    rows = usage_store.landed(sorted({one.workspace_id for one in batches}), [one.id for one in batches], types)
    for (workspace_id, batch_id), group in groupby(rows, key=lambda row: (row[0], row[1])):
        again = reckoned.of_batch(workspace_id, batch_id, map(_stored, group), by_type[workspace_id, batch_id])
        yield from (row for row in again if row[-1])


def _stored(row: Sequence[Any]) -> tuple[int, SentEvent, datetime]:
    """An event as the store gives it back: its sequence, itself, when it was stored."""
    _, _, sequence, source, id_, kind, subject, at, stored_at, data = row
    return sequence, SentEvent(source, id_, kind, subject, usage_store.aware(at), data), usage_store.aware(stored_at)


def _fill(lease: Lease, intent: Intent) -> None:
    """Count events of earlier settlements for one version. A meter that is deleted counts nothing."""
    workspace_id = intent.workspace_id or ""
    counting = in_transaction(_NOBODY, lambda uow: settlements.counting(uow.conn, [workspace_id])).get(workspace_id)
    place = (intent.meter_id, intent.version)
    counted = next((c for c in counting.versions if (c.version.meter_id, c.version.version) == place), None) if counting else None
    if counted is None:
        return
    lease.prolong()
    reckoned = Reckoning()
    found = map(_stored, usage_store.to_fill(workspace_id, counted.version, intent.since or 0, intent.until or 0))
    rows = reckoned.of_batch(workspace_id, "", found, {counted.version.event_type: (counted.counts,)})
    values, rejections = reckoning.settled(rows, intent.number)
    in_transaction(_NOBODY, lambda uow: settlements.mark_counted(uow.conn, reckoned.used, uow.now))
    lease.prolong()
    part = Part(lease.shard, intent.number, lease.generation, intent.again, [workspace_id], ())
    usage_store.fill(part, values, rejections)
