"""Settling objects: which state each has now, and what became true with it.

All objects are locked first, in one order, so two batches about one object take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import doubt, raw_store, store
from oppulence.sync.doubt import Doubt
from oppulence.sync.facts import add_name, facts_of, states_of
from oppulence.sync.ordering import Seen, Verdict, decide
from oppulence.sync.raw_store import EventKey
from oppulence.sync.store import ObjectKey, ObjectState, StoredObject
from oppulence.sync.stripe_events import StripeEvent, observed, read, storable


@dataclass(frozen=True)
class Settled:
    """What settling did: objects that changed, and events, as (account, event id), that did not show the latest state."""

    changed: int
    superseded: list[EventKey] = field(default_factory=list)


def settle(uow: UnitOfWork, fresh: Sequence[Seen]) -> Settled:
    """Give each touched object its latest state, and tell what became true, and which states only Stripe can settle."""
    by_key: dict[ObjectKey, list[Seen]] = {}
    for one in fresh:
        by_key.setdefault(one.event.key, []).append(one)
    if not by_key:
        return Settled(0)
    locked = store.lock_objects(uow.conn, uow.workspace_id, list(by_key))
    ties = _ties(
        uow,
        [
            locked[key]
            for key, group in by_key.items()
            if any(one.event.created_at == locked[key].event_created_at for one in group)
        ],
    )
    states: list[ObjectState] = []
    superseded: list[EventKey] = []
    doubts: list[Doubt] = []
    for key, group in by_key.items():
        verdict = _verdict(locked[key], group, ties.get(key, []))
        winner = verdict.winner if verdict and verdict.winner.event.id else None
        states.append(_state(uow, locked[key], group, winner))
        superseded += [(key[0], one.event.id) for one in group if winner is None or one.event.id != winner.event.id]
        if verdict and not verdict.sure:
            doubts.append(Doubt.of(group[-1].event, group[-1].connection_id, "same_second"))
    doubt.announce(uow, doubts)
    return Settled(save(uow, states), superseded)


def is_in_doubt(uow: UnitOfWork, key: ObjectKey) -> bool:
    """Whether what is stored leaves an object's latest state in doubt; a later event may have settled it."""
    stored = store.lock_objects(uow.conn, uow.workspace_id, [key])[key]
    ties = _ties(uow, [stored]).get(key, [])
    verdict = _verdict(stored, [], ties) if ties else None
    return verdict is not None and not verdict.sure


def save(uow: UnitOfWork, states: Sequence[ObjectState]) -> int:
    """Write objects' states; returns how many rows that changed."""
    return store.save_objects(uow.conn, uow.workspace_id, states, uow.now) if states else 0


def tell_facts(uow: UnitOfWork, shown: StripeEvent, told: list[str], version: int) -> None:
    """Announce the facts that a state shows and that were not told yet; `told` grows by their names."""
    for fact in facts_of(shown):
        if fact.name not in told:
            told.append(fact.name)
            uow.emit(fact.announce(shown, version), occurred_at=fact.at)


def tell_state(uow: UnitOfWork, shown: StripeEvent, told: list[str], version: int) -> None:
    """Announce that this is an object's state now, for those objects whose state others wait for."""
    for state in states_of(shown, told):
        add_name(told, state.name)
        uow.emit(state.announce(shown, version), occurred_at=state.at)


def _ties(uow: UnitOfWork, tied: Sequence[StoredObject]) -> dict[ObjectKey, list[Seen]]:
    """What is known of objects in the second of their stored state: it has a say in which is the latest."""
    moments: list[tuple[ObjectKey, datetime]] = [(one.key, one.event_created_at) for one in tied if one.version]
    ties: dict[ObjectKey, list[Seen]] = {}
    for row in raw_store.siblings(uow.conn, uow.workspace_id, moments) if moments else []:
        seen = Seen(read(row.body), row.arrival, row.connection_id)
        ties.setdefault(seen.event.key, []).append(seen)
    asked = {one.key: one for one in tied if one.is_observed}
    for key, data in store.object_data(uow.conn, uow.workspace_id, list(asked)).items() if asked else []:
        shown = observed(key, data, asked[key].event_created_at)
        ties.setdefault(key, []).append(Seen(shown, asked[key].arrival))
    return ties


def _verdict(stored: StoredObject, group: Sequence[Seen], ties: Sequence[Seen]) -> Verdict | None:
    """Whose state the object gets, or None when it keeps the one it has. A removal is never undone.

    Events that had come in before Stripe was asked are older than the answer, whatever the clocks say.
    """
    if stored.deleted:
        return None
    known = [*group, *ties]
    if stored.is_observed:
        known = [one for one in known if one.arrival > stored.arrival or not one.event.id]
    if not known:
        return None
    verdict = decide(known)
    return None if stored.version and verdict.winner.event.created_at < stored.event_created_at else verdict


def _state(uow: UnitOfWork, stored: StoredObject, group: Sequence[Seen], winner: Seen | None) -> ObjectState:
    version = stored.version + (1 if winner and winner.event.id != stored.event_id else 0)
    told = list(stored.told)
    for one in sorted(group, key=lambda seen: (seen.event.created, seen.arrival)):
        tell_facts(uow, one.event, told, version)
    if winner is None:
        return stored.still(told)
    event = winner.event
    if version > stored.version:
        tell_state(uow, event, told, version)
    return ObjectState(
        stored.key, storable(event.object), event.removes, event.id, event.created_at, version, told, winner.arrival,
        winner.connection_id,
    )  # fmt: skip
