"""Taking events in: store the bytes, settle the objects they show, tell analytics what was stored. One transaction a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import doubt, raw_store, store
from oppulence.sync.doubt import Doubt
from oppulence.sync.events import EventsStored
from oppulence.sync.ordering import Seen, decide
from oppulence.sync.raw_store import EventKey, RawEvent
from oppulence.sync.settling import settle
from oppulence.sync.store import ObjectKey
from oppulence.sync.stripe_events import StripeEvent

_EVENTS_PER_ANNOUNCEMENT = 100
Fate = tuple[str, str | None]
"""An event's status, and why it is not applied."""


@dataclass(slots=True)
class Delivery:
    """One event as it came in: its bytes, the event read from them, by which connection and way, and when.

    `via` is `webhook`, `partner` or `events_api`; not `exact` are bytes that somebody on the way wrote anew. `signed_at` is the
    time of the provider's signature, where there was one.
    """

    event: StripeEvent
    body: bytes
    connection_id: str
    received_at: datetime
    via: str = "webhook"
    exact: bool = True
    signed_at: datetime | None = None


def apply(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> int:
    """Store events and bring the mirror up to date; returns how many were new.

    A known event only counts its delivery. An event of the other mode than the workspace's is kept, not applied.
    """
    mode = store.workspace_mode(uow.conn, uow.workspace_id)
    counts = _count(deliveries)
    unique = {(one.event.account, one.event.id): one for one in sorted(deliveries, key=lambda one: one.exact)}
    fates = {key: _fate(unique[key].event, mode) for key in sorted(unique)}
    applied = [key for key, (status, _) in fates.items() if status == "applied"]
    overtaken = _overtaken([unique[key].event for key in applied])
    fates |= dict.fromkeys(overtaken, ("superseded", None))
    rows = [_raw(unique[key], fate, counts[key]) for key, fate in fates.items()]
    arrivals = raw_store.insert(uow.conn, uow.workspace_id, rows)
    fresh = [Seen(unique[key].event, arrivals[key], unique[key].connection_id) for key in applied if key in arrivals]
    if fresh:
        superseded = set(settle(uow, fresh).superseded)
        created = (min(one.event.created_at for one in fresh), max(one.event.created_at for one in fresh))
        _correct(uow, superseded - overtaken, "superseded", created)
        _correct(uow, (overtaken & arrivals.keys()) - superseded, "applied", created)
    thin = [unique[key] for key in arrivals if fates[key][0] == "kept" and unique[key].event.related]
    doubt.announce(uow, [Doubt.of(one.event, one.connection_id, "thin_event") for one in thin])
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


def _correct(uow: UnitOfWork, events: set[EventKey], status: str, created: tuple[datetime, datetime]) -> None:
    if events:
        raw_store.set_status(uow.conn, uow.workspace_id, sorted(events), status, created)


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
    event, told = one.event, one.event.envelope
    return RawEvent(
        event.id, event.account, one.connection_id, event.type, event.object_type, event.object_id, event.created_at,
        one.received_at, one.via, one.exact, event.livemode, told.api_version, told.request_id, told.idempotency_key,
        told.pending_webhooks, one.signed_at, *fate, one.body, deliveries,
    )  # fmt: skip


def _announce_stored(uow: UnitOfWork, new: list[EventKey]) -> None:
    """Tell analytics which events to fetch."""
    by_account: dict[str, list[str]] = {}
    for account, event_id in new:
        by_account.setdefault(account, []).append(event_id)
    for account, ids in by_account.items():
        for start in range(0, len(ids), _EVENTS_PER_ANNOUNCEMENT):
            uow.emit(EventsStored(event_ids=ids[start : start + _EVENTS_PER_ANNOUNCEMENT], account=account or None))
