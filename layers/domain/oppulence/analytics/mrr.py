"""Monthly recurring revenue: what subscriptions bring in a month, and how that moved. Pure rules of states and discounts.

Reckoned exactly, in fractions, and rounded once: a subscription's monthly amount goes to the nearest minor unit, half to even.
Everything above it is a sum of these whole numbers, so sums agree however they are cut.

What counts: subscriptions that are active or past due, and whose collection is not paused. Trials, and what is incomplete,
unpaid, paused or ended, count zero. Left out and named (`left_out`): metered and tiered prices, prices of another currency than
the subscription's, and intervals that nobody knows. Discounts `once` are left out too: they change one invoice, not what
recurs; so are discounts of a customer, which no subscription names. Tax is not reckoned out of prices that include it. A year
is 12 months, 52 weeks or 365 days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from typing import Literal

from oppulence.sync.api import KnownDiscount, SubscriptionState, SubscriptionTerms
from oppulence.sync.events import SubscriptionItem

Kind = Literal["new", "expansion", "contraction", "churn", "reactivation"]
Discounts = Mapping[str, KnownDiscount]

COUNTED = frozenset({"active", "past_due"})
_PERIODS_A_MONTH = {"day": Fraction(365, 12), "week": Fraction(13, 3), "month": Fraction(1), "year": Fraction(1, 12)}


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a customer's MRR in one currency: `delta_minor` is never zero, `mrr_minor` is what it is from then on."""

    at: datetime
    currency: str
    kind: Kind
    delta_minor: int
    mrr_minor: int


@dataclass(frozen=True, slots=True)
class Amount:
    """What a subscription brings a month from an instant on."""

    at: datetime
    currency: str
    monthly_minor: int


def monthly_minor(terms: SubscriptionTerms, discounts: Discounts, at: datetime) -> int:
    """What a subscription brings a month in minor units of its currency, with the discounts that hold at an instant."""
    if terms.status not in COUNTED or terms.paused:
        return 0
    items = [item for item in terms.items if not _reason_to_leave_out(item, terms.currency)]
    if not items:
        return 0
    total = Fraction(0)
    for item in items:
        a_month = _periods_a_month(item)
        gross = Fraction(item.unit_amount_minor or 0) * _packages(item) * a_month
        total += _reduced(gross, [discounts.get(one) for one in item.discount_ids], terms.currency, (a_month, at))
    invoices_a_month = max(map(_periods_a_month, items))  # an amount off comes off every invoice
    of_all = [discounts.get(one.discount_id) for one in terms.discounts]
    return round(_reduced(total, of_all, terms.currency, (invoices_a_month, at)))


def left_out(terms: SubscriptionTerms) -> list[str]:
    """Why parts of a subscription are not in its monthly amount: `metered`, `tiered`, `other_currency`, ..."""
    reasons = {_reason_to_leave_out(item, terms.currency) for item in terms.items}
    return sorted({reason for reason in reasons if reason} | (set() if terms.items_complete else {"too_many_items"}))


def discount_ids(terms: SubscriptionTerms) -> list[str]:
    """Discounts of a subscription and of its items."""
    return [one.discount_id for one in terms.discounts] + [one for item in terms.items for one in item.discount_ids]


def movements(states: Iterable[SubscriptionState], discounts: Discounts) -> list[Movement]:
    """How one customer's MRR moved, oldest first, by currency; the order in which the states are given does not matter.

    Changes of one second are one movement, so that a plan given up for another is an expansion or a contraction.
    """
    by_subscription = sorted(states, key=lambda one: (one.account, one.subscription_id, one.at))
    changes: list[tuple[datetime, str, int]] = []
    for _, group in groupby(by_subscription, key=lambda one: (one.account, one.subscription_id)):
        changes += _changes(amounts(list(group), discounts))
    return _movements(changes)


def amounts(states: Sequence[SubscriptionState], discounts: Discounts) -> list[Amount]:
    """What one subscription brought a month since when; its states oldest first.

    The first state that is known of it holds since it began, or since its trial ended. Discounts that end between two
    states end then.
    """
    since = [_holds_since(state, before) for state, before in zip(states, [None, *states[:-1]], strict=True)]
    found = _before_the_first(states[0], since[0], discounts)
    for state, begun, until in zip(states, since, [*since[1:], None], strict=True):
        for at in [begun, *_ends(state.terms, discounts, begun, until)]:
            found.append(Amount(at, state.terms.currency, monthly_minor(state.terms, discounts, at)))
    return found


def _holds_since(state: SubscriptionState, before: SubscriptionState | None) -> datetime:
    """When a state began: when it was shown, but an end when it came, as a listing shows it later."""
    ended_at = state.terms.ended_at
    if state.terms.status == "canceled" and ended_at and (before is None or before.at < ended_at):
        return min(ended_at, state.at)
    return state.at


def _before_the_first(first: SubscriptionState, until: datetime, discounts: Discounts) -> list[Amount]:
    """What a subscription brought before its first known state held, as far as that one says."""
    terms = first.terms
    if terms.status not in COUNTED | {"canceled"}:
        return []
    begun = terms.started_at or until
    if terms.trial_end_at and terms.trial_end_at <= first.at:
        begun = max(begun, terms.trial_end_at)
    if begun >= until:
        return []
    live = terms.model_copy(update={"status": "active"})
    return [
        Amount(at, terms.currency, monthly_minor(live, discounts, at)) for at in [begun, *_ends(live, discounts, begun, until)]
    ]


def _changes(found: Sequence[Amount]) -> list[tuple[datetime, str, int]]:
    """(instant, currency, by how much) of one subscription's amounts."""
    changes: list[tuple[datetime, str, int]] = []
    now: dict[str, int] = {}
    for one in found:
        for currency in {*now, one.currency}:
            then = one.monthly_minor if currency == one.currency else 0
            changes.append((one.at, currency, then - now.get(currency, 0)))
            now[currency] = then
    return changes


def _movements(changes: list[tuple[datetime, str, int]]) -> list[Movement]:
    found: list[Movement] = []
    changes.sort(key=lambda one: (one[1], one[0]))
    for currency, of_currency in groupby(changes, key=lambda one: one[1]):
        mrr, ever = 0, False
        for at, together in groupby(of_currency, key=lambda one: one[0]):
            delta = sum(by for _, _, by in together)
            if delta:
                kind = _kind(mrr, mrr + delta, ever)
                mrr, ever = mrr + delta, True
                found.append(Movement(at, currency, kind, delta, mrr))
    return found


def _kind(before: int, after: int, ever: bool) -> Kind:
    if before == 0:
        return "reactivation" if ever else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


def _reason_to_leave_out(item: SubscriptionItem, currency: str) -> str | None:
    if item.metered:
        return "metered"
    if item.tiered:
        return "tiered"
    if item.interval not in _PERIODS_A_MONTH:
        return "unknown_interval"
    return None if item.currency == currency else "other_currency"


def _periods_a_month(item: SubscriptionItem) -> Fraction:
    return _PERIODS_A_MONTH[item.interval] / max(item.interval_count, 1)


def _packages(item: SubscriptionItem) -> int:
    """How often the price is charged for the quantity; a price without a quantity is charged once."""
    quantity = 1 if item.quantity is None else item.quantity
    return -(-quantity // item.units_per_package) if item.rounds_up else quantity // item.units_per_package


def _reduced(
    amount: Fraction, discounts: Iterable[KnownDiscount | None], currency: str, when: tuple[Fraction, datetime]
) -> Fraction:
    """An amount a month after discounts, one after the other, never below zero; `when` says invoices a month, and the instant."""
    invoices_a_month, at = when
    for discount in discounts:
        coupon = discount.coupon if discount and _holds(discount, at) else None
        if coupon is None:
            continue
        if coupon.percent_off is not None:
            amount *= 1 - Fraction(coupon.percent_off) / 100
        elif coupon.amount_off_minor and coupon.amount_off_currency == currency:
            amount -= coupon.amount_off_minor * invoices_a_month
    return max(amount, Fraction(0))


def _holds(discount: KnownDiscount, at: datetime) -> bool:
    """Whether a discount lowers what recurs at an instant."""
    recurs = discount.coupon is not None and discount.coupon.duration != "once"
    return recurs and (discount.ends_at is None or at < discount.ends_at)


def _ends(terms: SubscriptionTerms, discounts: Discounts, after: datetime, before: datetime | None) -> list[datetime]:
    """When discounts of a state end, between two instants."""
    ends = {discounts[one].ends_at for one in discount_ids(terms) if one in discounts}
    return sorted(end for end in ends if end and after < end and (before is None or end < before))
