"""MRR's rules: exact amounts, one rounding, and movements that do not depend on how states came."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.analytics.mrr import Movement, left_out, monthly_minor, movements
from oppulence.sync.api import KnownDiscount, SubscriptionState, SubscriptionTerms
from oppulence.sync.events import Coupon

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
STATUSES = ("incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled")


def item(**fields: Any) -> dict[str, Any]:
    return {
        "item_id": "si_1", "price_id": "price_1", "product_id": "prod_1", "quantity": 1, "unit_amount_minor": "1000",
        "currency": "USD", "interval": "month", "interval_count": 1, "metered": False, "tiered": False,
    } | fields  # fmt: skip


def terms(*items: dict[str, Any], **fields: Any) -> SubscriptionTerms:
    usual: dict[str, Any] = {
        "currency": "USD", "customer_id": "cus_1", "status": "active", "paused": False, "items": list(items) or [item()],
        "items_complete": True, "discounts": [], "started_at": START, "trial_end_at": None, "ended_at": None,
    }  # fmt: skip
    return SubscriptionTerms.model_validate(usual | fields)


def discount(ends_at: datetime | None = None, **coupon: Any) -> KnownDiscount:
    usual = {"coupon_id": "co", "percent_off": None, "amount_off_minor": None, "amount_off_currency": None, "duration": "forever"}
    return KnownDiscount(ends_at, Coupon.model_validate(usual | coupon))


def reference(discount_id: str) -> dict[str, Any]:
    return {"discount_id": discount_id, "coupon_id": None, "coupon": None, "starts_at": None, "ends_at": None}


def state(day: int, subscription_id: str = "sub_1", **fields: Any) -> SubscriptionState:
    return SubscriptionState("", subscription_id, START + day * DAY, terms(*fields.pop("items", []), **fields))


def moved(*states: SubscriptionState, **discounts: KnownDiscount) -> list[tuple[int, str, int, int]]:
    return [((one.at - START).days, one.kind, one.delta_minor, one.mrr_minor) for one in movements(states, discounts)]


@pytest.mark.parametrize(
    ("fields", "monthly"),
    [
        ({}, 1000),
        ({"quantity": 3}, 3000),
        ({"interval": "year"}, 83),
        ({"interval": "year", "unit_amount_minor": "1002"}, 84),  # 83.5, half to even
        ({"interval": "year", "unit_amount_minor": "1014"}, 84),  # 84.5
        ({"interval_count": 3}, 333),
        ({"interval": "week"}, 4333),
        ({"interval": "week", "interval_count": 2}, 2167),
        ({"interval": "day"}, 30417),
        ({"unit_amount_minor": "0.75", "quantity": 10_001}, 7501),
        ({"quantity": 11, "units_per_package": 5}, 3000),
        ({"quantity": 11, "units_per_package": 5, "rounds_up": False}, 2000),
        ({"metered": True, "quantity": None}, 0),
        ({"tiered": True, "unit_amount_minor": None}, 0),
        ({"currency": "EUR"}, 0),
        ({"interval": "fortnight"}, 0),
        ({"unit_amount_minor": None}, 0),
    ],
)
def test_a_price_a_month(fields: dict[str, Any], monthly: int) -> None:
    assert monthly_minor(terms(item(**fields)), {}, START) == monthly


def test_items_are_added_before_the_one_rounding() -> None:
    third = item(interval_count=3, unit_amount_minor="100")
    assert monthly_minor(terms(third, third, third), {}, START) == 100


@pytest.mark.parametrize("status", STATUSES)
def test_only_active_and_past_due_count(status: str) -> None:
    assert monthly_minor(terms(status=status), {}, START) == (1000 if status in ("active", "past_due") else 0)
    assert monthly_minor(terms(status=status, paused=True), {}, START) == 0


@pytest.mark.parametrize(
    ("known", "monthly"),
    [
        (discount(percent_off="12.5"), 875),
        (discount(percent_off="100"), 0),
        (discount(amount_off_minor=250, amount_off_currency="USD"), 750),
        (discount(amount_off_minor=2500, amount_off_currency="USD"), 0),
        (discount(amount_off_minor=250, amount_off_currency="EUR"), 1000),
        (discount(percent_off="50", duration="once"), 1000),
        (discount(percent_off="50", duration="repeating", ends_at=START), 1000),
        (discount(percent_off="50", duration="repeating", ends_at=START + DAY), 500),
        (KnownDiscount(None, None), 1000),
    ],
)
def test_discounts(known: KnownDiscount, monthly: int) -> None:
    assert monthly_minor(terms(discounts=[reference("di_1")]), {"di_1": known}, START) == monthly
    assert monthly_minor(terms(item(discount_ids=["di_1"])), {"di_1": known}, START) == monthly


def test_an_amount_off_comes_off_each_invoice() -> None:
    yearly = terms(item(interval="year", unit_amount_minor="12000"), discounts=[reference("di_1")])
    assert monthly_minor(yearly, {"di_1": discount(amount_off_minor=1200, amount_off_currency="USD")}, START) == 900


def test_discounts_follow_each_other() -> None:
    both = terms(discounts=[reference("di_1"), reference("di_2")])
    known = {"di_1": discount(percent_off="50"), "di_2": discount(amount_off_minor=100, amount_off_currency="USD")}
    assert monthly_minor(both, known, START) == 400


def test_what_is_left_out_is_named() -> None:
    odd = [item(metered=True), item(tiered=True), item(currency="EUR"), item(interval="fortnight"), item()]
    assert left_out(terms(*odd, items_complete=False)) == [
        "metered", "other_currency", "tiered", "too_many_items", "unknown_interval",
    ]  # fmt: skip
    assert left_out(terms()) == []


def test_a_life() -> None:
    more = [item(quantity=2)]
    states = [
        state(0, status="trialing", trial_end_at=START + 7 * DAY), state(7), state(10, items=more), state(20),
        state(30, status="canceled"), state(40, subscription_id="sub_2", started_at=START + 40 * DAY),
    ]  # fmt: skip
    assert moved(*states) == [
        (7, "new", 1000, 1000), (10, "expansion", 1000, 2000), (20, "contraction", -1000, 1000), (30, "churn", -1000, 0),
        (40, "reactivation", 1000, 1000),
    ]  # fmt: skip


def test_one_plan_given_up_for_another_in_the_same_second_is_an_expansion() -> None:
    larger = state(5, subscription_id="sub_2", started_at=START + 5 * DAY, items=[item(quantity=3)])
    assert moved(state(0), state(5, status="canceled"), larger) == [(0, "new", 1000, 1000), (5, "expansion", 2000, 3000)]


def test_a_discount_that_ends_between_two_states_ends_then() -> None:
    known = discount(percent_off="50", duration="repeating", ends_at=START + 3 * DAY)
    assert moved(state(0, discounts=[reference("di_1")]), state(9), di_1=known) == [
        (0, "new", 500, 500), (3, "expansion", 500, 1000),
    ]  # fmt: skip


def test_what_was_there_before_it_was_first_seen_counts_from_its_beginning() -> None:
    assert moved(state(50)) == [(0, "new", 1000, 1000)]
    assert moved(state(50, trial_end_at=START + 9 * DAY)) == [(9, "new", 1000, 1000)]
    assert moved(state(50, status="canceled", ended_at=START + 30 * DAY)) == [(0, "new", 1000, 1000), (30, "churn", -1000, 0)]
    assert moved(state(50, status="incomplete_expired")) == []


def test_an_end_that_was_seen_late_is_dated_when_it_came() -> None:
    late = state(50, status="canceled", ended_at=START + 30 * DAY)
    assert moved(state(0), late) == [(0, "new", 1000, 1000), (30, "churn", -1000, 0)]
    assert moved(state(0), state(40), late) == [(0, "new", 1000, 1000), (50, "churn", -1000, 0)]


def test_currencies_stay_apart() -> None:
    euro = state(3, subscription_id="sub_2", currency="EUR", items=[item(currency="EUR")], started_at=START + 3 * DAY)
    found = movements([state(0), euro], {})
    assert [(one.currency, one.kind, one.mrr_minor) for one in found] == [("EUR", "new", 1000), ("USD", "new", 1000)]


STATES = st.builds(
    lambda day, subscription, status, quantity, interval, currency: state(
        day, f"sub_{subscription}", status=status, items=[item(quantity=quantity, interval=interval, currency=currency)],
        currency=currency,
    ),
    st.integers(0, 60), st.integers(1, 3), st.sampled_from(STATUSES), st.integers(0, 5),
    st.sampled_from(["day", "week", "month", "year"]), st.sampled_from(["USD", "JPY"]),
)  # fmt: skip


def unique(states: list[SubscriptionState]) -> list[SubscriptionState]:
    """One state a subscription and second, as they are kept."""
    return list({(one.subscription_id, one.at): one for one in states}.values())


@given(st.lists(STATES, max_size=12), st.randoms())
def test_the_order_in_which_states_come_does_not_matter(states: list[SubscriptionState], random: Any) -> None:
    kept = unique(states)
    shuffled = random.sample(kept, len(kept))
    assert movements(kept, {}) == movements(shuffled, {})


@given(st.lists(STATES, max_size=12))
def test_movements_add_up_to_what_the_last_states_bring(states: list[SubscriptionState]) -> None:
    kept = unique(states)
    last = {one.subscription_id: one for one in sorted(kept, key=lambda one: one.at)}
    for currency in ("USD", "JPY"):
        found = [one for one in movements(kept, {}) if one.currency == currency]
        brought = sum(monthly_minor(one.terms, {}, one.at) for one in last.values() if one.terms.currency == currency)
        assert sum(one.delta_minor for one in found) == brought
        assert [one.mrr_minor for one in found[-1:]] in ([], [brought])


@given(st.lists(STATES, max_size=12))
def test_each_movement_is_of_its_kind(states: list[SubscriptionState]) -> None:
    for currency in ("USD", "JPY"):
        before, ever = 0, False
        for one in (one for one in movements(unique(states), {}) if one.currency == currency):
            assert one.delta_minor and one.mrr_minor == before + one.delta_minor >= 0
            assert one.kind == expected_kind(before, one, ever)
            before, ever = one.mrr_minor, True


def expected_kind(before: int, one: Movement, ever: bool) -> str:
    if before == 0:
        return "reactivation" if ever else "new"
    return "churn" if one.mrr_minor == 0 else ("expansion" if one.delta_minor > 0 else "contraction")


@given(st.integers(0, 10**9), st.integers(1, 100), st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12))
def test_a_monthly_amount_is_off_by_half_a_minor_unit_at_most(amount: int, quantity: int, interval: str, every: int) -> None:
    a_year = {"day": 365, "week": 52, "month": 12, "year": 1}[interval]
    exact = Fraction(amount * quantity * a_year, every * 12)
    shown = terms(item(unit_amount_minor=str(amount), quantity=quantity, interval=interval, interval_count=every))
    assert abs(monthly_minor(shown, {}, START) - exact) <= Fraction(1, 2)
