"""Which of several events of one object shows its latest state.

Stripe's `created` is in whole seconds and delivery keeps no order, while a third of all events share object and second with
another. Between events of one second, in this order: a removal is last and a `.created` first; an event whose
`previous_attributes` match another's state came after it; states that only go one way and counters that only grow decide.
Where that leaves several states, the later arrival is taken, and the verdict is not `sure`: only Stripe can say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oppulence.sync.stripe_events import StripeEvent

_STATUS_RANK: dict[str, dict[str, int]] = {
    kind: {status: rank for rank, group in enumerate(ranks) for status in group.split()}
    for kind, ranks in {
        "invoice": ("draft", "open", "uncollectible", "paid void"),
        "charge": ("pending", "failed succeeded"),
        "payment_intent": (
            "requires_payment_method requires_confirmation", "requires_action", "processing requires_capture",
            "succeeded canceled",
        ),
        "setup_intent": ("requires_payment_method requires_confirmation", "requires_action", "processing", "succeeded canceled"),
        "refund": ("pending", "requires_action", "succeeded", "failed canceled"),
        "dispute": (
            "warning_needs_response needs_response", "warning_under_review under_review", "warning_closed won lost prevented",
        ),
        "payout": ("pending", "in_transit", "paid", "failed canceled"),
        "credit_note": ("issued", "void"),
        "checkout.session": ("open", "complete expired"),
        "quote": ("draft", "open", "accepted canceled"),
        "subscription": ("incomplete trialing", "active past_due unpaid paused", "canceled incomplete_expired"),
        "topup": ("pending", "failed succeeded canceled reversed"),
    }.items()
}  # fmt: skip
_GROWING = ("attempt_count", "amount_paid", "amount_captured", "amount_refunded", "amount_received")
_ONE_WAY = {"reconciliation_status": ("not_applicable", "in_progress", "completed")}


@dataclass(slots=True)
class Seen:
    """An event, its place in the order of arrival, and the connection it came by."""

    event: StripeEvent
    arrival: int
    connection_id: str = ""


@dataclass(slots=True)
class Verdict:
    """The event that shows the latest state. Not `sure`: another one shows another state, and may be the later one."""

    winner: Seen
    sure: bool = True


def decide(seen: Sequence[Seen]) -> Verdict:
    """Which event shows the object's latest state. Unless the arrival decides, the order of the sequence does not matter."""
    if len(seen) == 1:
        return Verdict(seen[0])
    newest = max(one.event.created for one in seen)
    rivals = list({one.event.id: one for one in seen if one.event.created == newest}.values())
    if len(rivals) == 1:
        return Verdict(rivals[0])
    last = [one for one in rivals if not any(_order(other.event, one.event) > 0 for other in rivals)]
    winner = max(last or rivals, key=lambda one: one.arrival)
    return Verdict(winner, bool(last) and all(one.event.object == winner.event.object for one in last))


def _order(a: StripeEvent, b: StripeEvent) -> int:
    """Positive when a is later than b, both of one second; 0 when nothing says so."""
    for earlier_later in (_by_kind, _by_previous, _by_state):
        order = earlier_later(a, b)
        if order:
            return order
    return 0


def _by_kind(a: StripeEvent, b: StripeEvent) -> int:
    return _kind(a) - _kind(b)


def _kind(event: StripeEvent) -> int:
    if event.removes:
        return 2
    return 0 if event.type.endswith(".created") else 1


def _by_previous(a: StripeEvent, b: StripeEvent) -> int:
    """a follows b when what a says was before is what b shows, and not the other way round."""
    return int(_follows(a, b)) - int(_follows(b, a))


def _follows(later: StripeEvent, earlier: StripeEvent) -> bool:
    return bool(later.previous) and _matches(later.previous, earlier.object)


def _matches(previous: Any, shown: Any) -> bool:  # noqa: ANN401
    if isinstance(previous, dict) and isinstance(shown, dict):
        return all(_matches(value, shown.get(name)) for name, value in previous.items())
    return bool(previous == shown)


def _by_state(a: StripeEvent, b: StripeEvent) -> int:
    left, right = _progress(a), _progress(b)
    return (left > right) - (left < right)


def _progress(event: StripeEvent) -> tuple[int, ...]:
    shown = event.object
    rank = _STATUS_RANK.get(event.object_type, {}).get(str(shown.get("status")), 0)
    steps = [values.index(shown[name]) if shown.get(name) in values else 0 for name, values in _ONE_WAY.items()]
    return (rank, *steps, *(value if isinstance(value := shown.get(name), int) else 0 for name in _GROWING))
