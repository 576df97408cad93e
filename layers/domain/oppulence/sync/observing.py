"""Objects that were listed or fetched, rather than told of by an event.

They are ordered by the time Stripe was asked for them, never by the time of writing: a page that waited for an hour is an hour
old. Of one second with an event, only Stripe can say which is later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import mirror, store
from oppulence.sync.store import ObjectState, StoredObject
from oppulence.sync.stripe_events import StripeEvent, storable


@dataclass(frozen=True)
class Observed:
    """An object as Stripe answered it, and when it was asked (`Answer.asked_at`).

    `account` is '' for the connection's own; `object_type` where the object does not say it itself. `deleted` says that Stripe
    has it no more: then `object` needs no more than its id.
    """

    account: str
    object: dict[str, Any]
    at: datetime
    deleted: bool = False
    object_type: str | None = None

    @property
    def gone(self) -> bool:
        """Whether Stripe has it no more; a removed customer is still answered, with `deleted`."""
        return self.deleted or self.object.get("deleted") is True

    @property
    def event(self) -> StripeEvent:
        """The same as an event of the second of asking. It has no id."""
        kind = self.object_type or str(self.object.get("object", ""))
        shown = self.object if self.object.get("object") == kind else self.object | {"object": kind}
        return StripeEvent(
            id="", type=f"{kind}.{'deleted' if self.gone else 'observed'}", account=self.account,
            created=int(self.at.timestamp()), livemode=shown.get("livemode"), object=shown, previous={},
        )  # fmt: skip


def observe(uow: UnitOfWork, seen: Sequence[Observed], connection_id: str) -> int:
    """Bring the mirror up to date with observed objects; returns how many changed. A removed object stays removed.

    Facts are told as from events, with the object's own moments.
    """
    newest = {one.event.key: one for one in sorted(seen, key=lambda one: one.at)}
    locked = store.lock_objects(uow.conn, uow.workspace_id, list(newest))
    shown = [(key, storable(one.event.object)) for key, one in newest.items() if locked[key].version and not one.gone]
    same = store.same_states(uow.conn, uow.workspace_id, shown) if shown else set()
    states = [_state(uow, one, locked[key], same=key in same) for key, one in newest.items() if not locked[key].deleted]
    mirror.save(uow, states)
    return sum(one.version > locked[one.key].version for one in states)


def _state(uow: UnitOfWork, one: Observed, stored: StoredObject, *, same: bool) -> ObjectState:
    """The row's next state; an answer older than the stored state only tells its facts."""
    event, told = one.event, list(stored.told)
    later = one.at > stored.event_created_at
    version = stored.version + (later and not same)
    if not one.gone:
        mirror.tell_facts(uow, _with_own_moment(event), told, version)
    if not later:
        return ObjectState(stored.key, None, stored.deleted, stored.event_id, stored.event_created_at, version, told)
    if version > stored.version:
        mirror.tell_state(uow, event, told, version)
    return ObjectState(stored.key, storable(event.object), one.gone, event.id, event.created_at, version, told)


def _with_own_moment(event: StripeEvent) -> StripeEvent:
    """The event at the time at which the object was made: when it was listed says nothing about when a fact became true."""
    made = event.object.get("created")
    return replace(event, created=made) if isinstance(made, int) else event
