"""Applying webhooks to the mirror: store the bytes, settle each object's state, tell each new fact once.

One transaction per batch. All objects in it are locked first, so two batches about one object take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import store
from oppulence.sync.events import EventsStored
from oppulence.sync.facts import add_name, facts_of, states_of
from oppulence.sync.ordering import Seen, decide
from oppulence.sync.store import EventKey, ObjectKey, ObjectState, RawEvent, Sibling, StoredObject
from oppulence.sync.stripe_events import StripeEvent, read, storable

_EVENTS_PER_ANNOUNCEMENT = 100
Fate = tuple[str, str | None]
"""An event's status, and why it is not applied."""


@dataclass(frozen=True)
class Delivery:
    """One event as it came in: its bytes, the event read from them, by which connection and way, and when.

    `via` is `webhook`, `partner` or `events_api`; not `exact` are bytes that somebody on the way wrote anew.
    """

    event: StripeEvent
    body: bytes
    connection_id: str
    received_at: datetime
    via: str = "webhook"
    exact: bool = True


def apply(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> int:
    """Store webhooks and bring the mirror up to date; returns how many events were new.

    A known event only counts its delivery. An event of the other mode than the workspace's is kept, not applied.
    """
    mode = store.workspace_mode(uow.conn)
    unique = {(one.event.account, one.event.id): one for one in reversed(deliveries)}
    counts = _count(deliveries)
    fates = {key: _fate(unique[key].event, mode) for key in sorted(unique)}
    applied = [key for key, (status, _) in fates.items() if status == "applied"]
    overtaken = _overtaken([unique[key].event for key in applied])
    fates |= dict.fromkeys(overtaken, ("superseded", None))
    arrivals = store.insert_raw(uow.conn, uow.workspace_id, [_raw(unique[key], fate, counts[key]) for key, fate in fates.items()])
    fresh = [Seen(unique[key].event, arrivals[key]) for key in applied if key in arrivals]
    if fresh:
        superseded = set(settle(uow, fresh).superseded)
        _correct(uow, superseded - overtaken, "superseded")
        _correct(uow, (overtaken & arrivals.keys()) - superseded, "applied")
    _announce_stored(uow, list(arrivals))
    return len(arrivals)


def _overtaken(events: Sequence[StripeEvent]) -> set[EventKey]:
    """Events, given in the order in which they will be stored, that another one of the batch overtakes.

    Nearly always what settling finds too: said at once, it spares rows that are written twice.
    """
    by_key: dict[ObjectKey, list[Seen]] = {}
    for arrival, event in enumerate(events):
        by_key.setdefault(event.key, []).append(Seen(event, arrival))
    winners = {decide(group).winner.event.id for group in by_key.values()}
    return {(event.account, event.id) for event in events if event.id not in winners}


def _correct(uow: UnitOfWork, events: set[EventKey], status: str) -> None:
    if events:
        store.set_status(uow.conn, uow.workspace_id, sorted(events), status)


def _count(deliveries: Sequence[Delivery]) -> dict[EventKey, int]:
    counts: dict[EventKey, int] = {}
    for one in deliveries:
        key = (one.event.account, one.event.id)
        counts[key] = counts.get(key, 0) + 1
    return counts


def _fate(event: StripeEvent, mode: str) -> Fate:
    if event.livemode is not None and event.livemode != (mode == "live"):
        return "not_applied", f"a {'live' if event.livemode else 'test'} event in a {mode} workspace"
    return ("applied" if event.has_object else "kept"), None


def _raw(one: Delivery, fate: Fate, deliveries: int) -> RawEvent:
    event, (status, error) = one.event, fate
    return RawEvent(
        event.id, event.account, one.connection_id, event.type, event.object_type, event.object_id, event.created_at,
        one.received_at, status, error, one.body, deliveries,
    )  # fmt: skip


@dataclass(frozen=True)
class Settled:
    """What settling did: objects that changed, and events, as (account, event id), that did not show the latest state."""

    changed: int
    superseded: list[EventKey]


def settle(uow: UnitOfWork, fresh: list[Seen]) -> Settled:
    """Give each touched object its latest state, and tell what became true."""
    by_key: dict[ObjectKey, list[Seen]] = {}
    for one in fresh:
        by_key.setdefault(one.event.key, []).append(one)
    locked = store.lock_objects(uow.conn, uow.workspace_id, list(by_key))
    ties = _ties(uow, by_key, locked)
    states: list[ObjectState] = []
    superseded: list[EventKey] = []
    for key, group in by_key.items():
        stored = locked[key]
        winner = _winner(stored, group, ties.get(key, []))
        states.append(_state(uow, stored, group, winner))
        superseded += [(key[0], one.event.id) for one in group if winner is None or one.event.id != winner.event.id]
    return Settled(save(uow, states), superseded)


def save(uow: UnitOfWork, states: list[ObjectState]) -> int:
    """Write objects' states; returns how many rows that changed."""
    changed = [one for one in states if one.data is not None]
    kept = [one for one in states if one.data is None]
    saved = store.save_objects(uow.conn, uow.workspace_id, changed, uow.now) if changed else 0
    return saved + (store.save_told(uow.conn, uow.workspace_id, kept) if kept else 0)


def _ties(
    uow: UnitOfWork, by_key: dict[ObjectKey, list[Seen]], locked: dict[ObjectKey, StoredObject]
) -> dict[ObjectKey, list[Seen]]:
    """Earlier events of the same object and second as a new one: they have a say in which is the latest."""
    moments = [
        (key, locked[key].event_created_at)
        for key, group in by_key.items()
        if locked[key].version and any(one.event.created_at == locked[key].event_created_at for one in group)
    ]
    ties: dict[ObjectKey, list[Seen]] = {}
    for sibling in store.siblings(uow.conn, uow.workspace_id, moments) if moments else []:
        seen = _seen(sibling)
        ties.setdefault(seen.event.key, []).append(seen)
    return ties


def _seen(sibling: Sibling) -> Seen:
    return Seen(read(bytes(sibling.body)), sibling.arrival)


def _winner(stored: StoredObject, group: list[Seen], ties: list[Seen]) -> Seen | None:
    """The event whose state the object gets, or None when it keeps the one it has. A removal is never undone."""
    if stored.deleted:
        return None
    newest = decide([*group, *ties]).winner
    return None if stored.version and newest.event.created_at < stored.event_created_at else newest


def _state(uow: UnitOfWork, stored: StoredObject, group: list[Seen], winner: Seen | None) -> ObjectState:
    version = stored.version + (1 if winner and winner.event.id != stored.event_id else 0)
    told = list(stored.told)
    for one in sorted(group, key=lambda seen: (seen.event.created, seen.arrival)):
        tell_facts(uow, one.event, told, version)
    if winner is None:
        return ObjectState(stored.key, None, stored.deleted, stored.event_id, stored.event_created_at, version, told)
    event = winner.event
    if version > stored.version:
        tell_state(uow, event, told, version)
    return ObjectState(stored.key, storable(event.object), event.removes, event.id, event.created_at, version, told)


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


def _announce_stored(uow: UnitOfWork, new: list[EventKey]) -> None:
    """Tell analytics which events to fetch."""
    by_account: dict[str, list[str]] = {}
    for account, event_id in new:
        by_account.setdefault(account, []).append(event_id)
    for account, ids in by_account.items():
        for start in range(0, len(ids), _EVENTS_PER_ANNOUNCEMENT):
            uow.emit(EventsStored(event_ids=ids[start : start + _EVENTS_PER_ANNOUNCEMENT], account=account or None))
