"""The clock tells of cards that expire this month or the next."""

import json
from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel.events import Envelope
from tests.support import entries, stripe
from tests.support.standing_clock import StandingClock
from tests.support.world import World
from tests.sync.stripe_shows import event_of

SCHEDULE = "sync.schedules.tell_expiring_cards"


def card(month: int, year: int, kind: str = "attached", **fields: Any) -> bytes:
    """An event of one card of a customer."""
    shown = {"id": "pm_1", "customer": "cus_1", "card": {"brand": "visa", "exp_month": month, "exp_year": year}}
    return event_of("payment_method.attached", f"payment_method.{kind}", **shown | fields)


def told(world: World) -> list[Envelope]:
    entries.entry(SCHEDULE)({}, None)
    return [one for one in world.envelopes() if one.type == "sync.payment_method.expiring"]


@pytest.mark.parametrize(
    ("month", "year", "times"), [(12, 2025, 0), (1, 2026, 1), (2, 2026, 1), (3, 2026, 0), (1, 2027, 0)]
)  # domain time is in January 2026
def test_this_month_and_the_next_are_told_once(world: World, clock: StandingClock, month: int, year: int, times: int) -> None:
    stripe.mirror(world, [card(month, year)])
    found = told(world)
    assert [(one.data["expiry_month"], one.data["expiry_year"], one.data["customer_id"]) for one in found] == [
        (month, year, "cus_1")
    ] * times
    assert all(one.occurred_at == clock.now for one in found)
    assert told(world) == []


def test_over_the_turn_of_the_year_and_again_for_a_new_expiry(world: World, clock: StandingClock) -> None:
    clock.move(timedelta(days=-10))
    stripe.mirror(world, [card(1, 2026)])
    assert len(told(world)) == 1
    stripe.mirror(world, [card(6, 2026, "automatically_updated", created=1)])
    assert told(world) == []
    clock.move(timedelta(days=150))
    assert [one.data["expiry_month"] for one in told(world)] == [6]


def test_a_card_that_nobody_pays_with_is_not_told(world: World, clock: StandingClock) -> None:
    stripe.mirror(world, [card(1, 2026, "detached", customer=None), card(1, 2026, id="pm_2", type="us_bank_account", card=None)])
    assert told(world) == []


def test_cards_of_the_older_kind_are_told_too(world: World, clock: StandingClock) -> None:
    document = json.loads(event_of("payment_method.attached", "customer.source.expiring"))
    shown = {"object": "card", "id": "card_1", "customer": "cus_1", "exp_month": 1, "exp_year": 2026}
    document["data"]["object"] = shown
    stripe.mirror(world, [json.dumps(document).encode()])
    assert [one.data["object_id"] for one in told(world)] == ["card_1"]


def test_it_says_whether_payments_go_to_the_card_by_default(world: World, clock: StandingClock) -> None:
    pays: dict[str, Any] = {"customer": "cus_1", "status": "past_due", "default_payment_method": "pm_2"}
    paid: dict[str, Any] = {"customer": "cus_1", "status": "canceled", "default_payment_method": "pm_3"}
    stripe.mirror(world, [
        event_of("customer.created", id="cus_1", invoice_settings={"default_payment_method": "pm_1"}),
        event_of("customer.subscription.created", id="sub_1", **pays),
        event_of("customer.subscription.created", id="sub_2", **paid),
        *(card(2, 2026, id=f"pm_{n}") for n in (1, 2, 3)),
    ])  # fmt: skip
    assert {one.data["object_id"]: one.data["is_default"] for one in told(world)} == {"pm_1": True, "pm_2": True, "pm_3": False}
