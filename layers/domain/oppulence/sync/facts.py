"""What became true: facts read from one event, whether or not it shows the object's latest state.

An event that comes late still tells what happened, so facts are read from every event and told once by name. Amounts come
from the state that shows the fact itself: what an invoice had left when it was written off is not what it has left later.
So the set of these facts is the same whatever the order of arrival.

Facts about an object's state are the exception: `states_of` reads them from the event that won, and an event that was overtaken
tells none. So a late older event never looks like news; the price is that states nobody saw in time are not told. The same in
every order of arrival: the state that is told last, with the highest version; `created`, once; `canceled`, once; and a pause
for each resumption, but for the one that lasts. Not the same: how many states come between, which only history loses.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from oppulence.sync import events, money_facts, subscription_facts
from oppulence.sync.stripe_events import StripeEvent
from oppulence.sync.told import Shown, Told, at

_STATE = "state:"
_KEY_MAX = 255
_CURRENCY_LENGTH = 3


def facts_of(event: StripeEvent) -> list[Told]:
    """The facts that an event shows, but for those about the object's state."""
    if not event.has_object:
        return []
    if event.object_type == "coupon":
        return list(subscription_facts.coupon(event))
    read = money_facts.READERS.get(event.object_type)
    return list(read(event)) if read and len(event.object.get("currency") or "") == _CURRENCY_LENGTH else []


@dataclass(frozen=True)
class _Kind:
    """What is told of the state of a kind of object. Without `every` a state is told only if its fields differ."""

    fields: Callable[[Shown], dict[str, Any]]
    created: type[events.ObjectFact]
    updated: type[events.ObjectFact]
    deleted: type[events.ObjectFact] | None
    every: bool = False


def states_of(event: StripeEvent, told: Sequence[str]) -> list[Told]:
    """The facts that an object has this state now; none for objects whose state nobody waits for, or a state told before.

    The first one's name is the moment of the state, and takes the place of the one before (`add_name`): a replay, which passes
    through earlier states again, tells none of them.
    """
    kind = _KINDS.get(event.object_type)
    if kind is None or (event.removes and kind.deleted is None):
        return []
    _, moment, event_id, digest = (next((one for one in told if one.startswith(_STATE)), "") + ":::").split(":")[:4]
    fields = kind.fields(event.object)
    now = "" if kind.every else hashlib.blake2s(to_json([event.removes, fields]), digest_size=8).hexdigest()
    created = f"{event.created:012d}"
    passed = bool(event.id) and (created < moment or event.id == event_id)  # what was asked for is later whatever the clocks say
    if moment and (passed or (digest and digest == now)):
        return []
    name = f"{_STATE}{created}:{event.id}" + (f":{now}" if now else "")
    if event.removes and kind.deleted:
        return [Told(name, event.created_at, kind.deleted, fields)]
    state = Told(name, event.created_at, kind.updated, fields) if moment else Told(name, _made(event), kind.created, fields)
    return [state, *(_subscription_turns(state, told) if event.object_type == "subscription" else [])]


def add_name(told: list[str], name: str) -> None:
    """Note that a fact was told. Of states only the last one's name is kept, so the list stays short."""
    if name.startswith(_STATE):
        told[:] = [one for one in told if not one.startswith(_STATE)]
    if name == "resumed":
        told.remove("paused")
    else:
        told.append(name)


def _subscription_turns(state: Told, told: Sequence[str]) -> list[Told]:
    """What a new state of a subscription means besides: that it was paused, goes on, or has ended, which is no going on."""
    turns = []
    ended = state.fields["status"] in subscription_facts.ENDED
    if state.fields["paused"] and "paused" not in told:
        turns.append(Told("paused", state.at, events.SubscriptionPaused, state.fields))
    if not state.fields["paused"] and not ended and "paused" in told:
        turns.append(Told("resumed", state.at, events.SubscriptionResumed, state.fields))
    if ended and "canceled" not in told:
        turns.append(Told("canceled", state.fields["ended_at"] or state.at, events.SubscriptionCanceled, state.fields))
    return turns


def _made(event: StripeEvent) -> datetime:
    """When the object came to be: the first state that was seen of it may be a late one."""
    made = event.object.get("created", event.object.get("start"))
    return at(made) if isinstance(made, int) else event.created_at


def _customer(shown: Shown) -> dict[str, Any]:
    """The workspace's key, if the metadata carry one. An e-mail address is personal and no key: it does not travel."""
    metadata = shown.get("metadata") or {}
    key = metadata.get("customer_key") or metadata.get("key")
    return {"key": key if isinstance(key, str) and 1 <= len(key) <= _KEY_MAX and "@" not in key else None}


_KINDS = {
    "customer": _Kind(_customer, events.CustomerCreated, events.CustomerUpdated, events.CustomerDeleted, every=True),
    "subscription": _Kind(subscription_facts.subscription, events.SubscriptionCreated, events.SubscriptionUpdated, deleted=None),
    "discount": _Kind(subscription_facts.discount, events.DiscountCreated, events.DiscountUpdated, events.DiscountDeleted),
}
