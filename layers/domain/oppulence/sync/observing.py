"""Objects that were listed or fetched, rather than told of by an event.

They are ordered by the time Stripe was asked for them, never by the time of writing: a page that waited for an hour is an hour
old. Of one second with an event, only Stripe can say which is later: the object is in doubt. An answer that was asked for after
the present state had come in is later whatever the clocks say: say so with `asked_after`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import doubt, settling, store
from oppulence.sync.doubt import Doubt
from oppulence.sync.events import ObjectRef, ObjectsObserved
from oppulence.sync.store import ObjectKey, ObjectState, StoredObject
from oppulence.sync.stripe_events import StripeEvent, observed, storable

_OBJECTS_PER_ANNOUNCEMENT = 100


@dataclass(frozen=True)
class Observed:
    """An object as Stripe answered it, and when it was asked (`Answer.asked_at`).

    `account` is '' for the connection's own; `object_type` where the object does not say it itself. `deleted` says that Stripe
    has it no more: then `object` needs no more than its id. `asked_after` is `raw_store.last_arrival`, read before asking.
    """

    account: str
    object: dict[str, Any]
    at: datetime
    deleted: bool = False
    object_type: str | None = None
    asked_after: int = 0

    @property
    def gone(self) -> bool:
        """Whether Stripe has it no more; a removed customer is still answered, with `deleted`."""
        return self.deleted or self.object.get("deleted") is True

    @cached_property
    def event(self) -> StripeEvent:
        """The same as an event of the second of asking. It has no id."""
        kind = self.object_type or str(self.object.get("object", ""))
        shown = self.object if self.object.get("object") == kind else self.object | {"object": kind}
        return observed((self.account, kind, ""), shown, self.at, gone=self.gone)


def observe(uow: UnitOfWork, seen: Sequence[Observed], connection_id: str) -> int:
    """Bring the mirror up to date with observed objects; returns how many changed. A removed object stays removed.

    Facts are told as from events, with the object's own moments.
    """
    newest = {one.event.key: one for one in sorted(seen, key=lambda one: one.at)}
    locked = store.lock_objects(uow.conn, uow.workspace_id, list(newest))
    live = {key: one for key, one in newest.items() if not locked[key].deleted}
    shown = {key: storable(one.event.object) for key, one in live.items()}
    known = [key for key in live if locked[key].version]
    same = store.same_states(uow.conn, uow.workspace_id, [(key, shown[key]) for key in known]) if known else set()
    gone = [key for key in known if live[key].gone]
    shown |= {key: storable(data) for key, data in store.object_data(uow.conn, uow.workspace_id, gone).items()} if gone else {}
    states: list[ObjectState] = []
    doubts: list[Doubt] = []
    for key, one in live.items():
        stored = locked[key]
        later = _is_later(one, stored)
        changes = later and (one.gone or key not in same)
        states.append(_state(uow, (one, stored), (shown[key] if later else None, changes), connection_id))
        if not later and one.at == stored.event_created_at and key not in same:
            doubts.append(Doubt.of(one.event, connection_id, "listed"))
    doubt.announce(uow, doubts)
    settling.save(uow, states)
    changed = [one.key for one in states if one.version > locked[one.key].version]
    _announce(uow, changed)
    return len(changed)


def _announce(uow: UnitOfWork, changed: Sequence[ObjectKey]) -> None:
    """Tell analytics which objects to read: no event was stored that would say it."""
    by_account: dict[str, list[ObjectRef]] = {}
    for account, object_type, object_id in changed:
        by_account.setdefault(account, []).append(ObjectRef(object_type=object_type, object_id=object_id))
    for account, refs in by_account.items():
        for start in range(0, len(refs), _OBJECTS_PER_ANNOUNCEMENT):
            part = refs[start : start + _OBJECTS_PER_ANNOUNCEMENT]
            uow.emit(ObjectsObserved(account=account or None, objects=part))


def _is_later(one: Observed, stored: StoredObject) -> bool:
    """Whether the answer is later than the stored state; of two answers of one second the one that came last is taken."""
    if not stored.version or 0 < stored.arrival <= one.asked_after or one.at > stored.event_created_at:
        return True
    return one.at == stored.event_created_at and stored.is_observed and not (one.asked_after and stored.arrival)


def _state(
    uow: UnitOfWork, pair: tuple[Observed, StoredObject], outcome: tuple[str | None, bool], connection_id: str
) -> ObjectState:
    """The row's next state; an answer that is not later, without `data`, only tells its facts."""
    (one, stored), (data, changes) = pair, outcome
    told, version = list(stored.told), stored.version + changes
    if not one.gone:
        settling.tell_facts(uow, _with_own_moment(one.event), told, version)
    if data is None:
        return stored.still(told)
    if changes:
        settling.tell_state(uow, one.event, told, version)
    at = max(one.event.created_at, stored.event_created_at)
    return ObjectState(stored.key, data, one.gone, one.event.id, at, version, told, one.asked_after, connection_id)


def _with_own_moment(event: StripeEvent) -> StripeEvent:
    """The event at the time at which the object was made: when it was listed says nothing about when a fact became true."""
    made = event.object.get("created")
    return replace(event, created=made) if isinstance(made, int) else event
