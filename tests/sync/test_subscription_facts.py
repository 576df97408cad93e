"""Facts about subscriptions, coupons and discounts: the whole state, both shapes, each turn once."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oppulence.kernel.events import MAX_DETAIL_BYTES, Envelope
from oppulence.sync import events, subscription_facts
from tests.support import stripe
from tests.support.world import World
from tests.sync.stripe_shows import event_of
from tests.sync.support import replay_all

MADE = 1_767_225_600
SUBSCRIPTION = {"id": "sub_1", "created": MADE, "start_date": MADE, "customer": "cus_1", "status": "active", "discounts": []}
PRICE: dict[str, Any] = {
    "id": "price_1", "currency": "usd", "billing_scheme": "per_unit", "unit_amount": 1000, "unit_amount_decimal": "1000",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}, "product": "prod_1",
}  # fmt: skip


def item(n: int = 1, **price: Any) -> dict[str, Any]:
    period = {"current_period_start": MADE, "current_period_end": MADE + 2_678_400 + n}
    return {"id": f"si_{n}", "quantity": n, "price": PRICE | price, "discounts": [], **period}


def shown(kind: str, second: int, **fields: Any) -> bytes:
    state = SUBSCRIPTION | {"items": {"data": [item()], "has_more": False}} | fields
    return event_of("customer.subscription.created", f"customer.subscription.{kind}", at=MADE + second, **state)


def told(world: World) -> list[Envelope]:
    return [one for one in world.envelopes() if one.type.startswith(("sync.subscription.", "sync.coupon.", "sync.discount."))]


def kinds(found: list[Envelope]) -> list[tuple[str, int]]:
    return [(one.type.removeprefix("sync.subscription."), one.data["object_version"]) for one in found]


def test_what_is_not_told_of_is_no_news(world: World) -> None:
    stripe.mirror(world, [shown("created", 0)])
    stripe.mirror(world, [shown("updated", 1, latest_invoice="in_2")])
    stripe.mirror(world, [shown("updated", 2, items={"data": [item(2)]})])
    assert kinds(told(world)) == [("created", 1), ("updated", 3)]


def test_a_life_with_a_pause_and_an_end(world: World) -> None:
    paused, ended = {"pause_collection": {"behavior": "void"}}, {"status": "canceled", "ended_at": MADE + 9}
    for body in [
        shown("created", 0), shown("updated", 1, **paused), shown("updated", 2, **paused, cancel_at=MADE + 9),
        shown("updated", 3), shown("paused", 4, status="paused"), shown("resumed", 5),
        shown("deleted", 10, **ended), shown("updated", 11, **ended),
    ]:  # fmt: skip
        stripe.mirror(world, [body])
    found = told(world)
    assert kinds(found) == [
        ("created", 1), ("updated", 2), ("paused", 2), ("updated", 3), ("updated", 4), ("resumed", 4), ("updated", 5),
        ("paused", 5), ("updated", 6), ("resumed", 6), ("updated", 7), ("canceled", 7),
    ]  # fmt: skip
    assert found[-1].occurred_at == datetime.fromtimestamp(MADE + 9, UTC)
    replay_all(world)
    assert told(world) == []


def test_what_ends_while_it_is_paused_does_not_go_on(world: World) -> None:
    for body in [
        shown("created", 0),
        shown("paused", 1, status="paused"),
        shown("deleted", 2, status="canceled", ended_at=MADE + 2),
    ]:
        stripe.mirror(world, [body])
    assert kinds(told(world)) == [("created", 1), ("updated", 2), ("paused", 2), ("updated", 3), ("canceled", 3)]


def test_a_late_older_event_is_no_news(world: World) -> None:
    for body in [shown("updated", 9, status="canceled", ended_at=MADE + 9), shown("created", 0), shown("updated", 5)]:
        stripe.mirror(world, [body])
    found = told(world)
    assert kinds(found) == [("created", 1), ("canceled", 1)]
    assert found[0].occurred_at == datetime.fromtimestamp(MADE, UTC)


def test_what_revenue_is_reckoned_from(world: World) -> None:
    items = [
        item(1, unit_amount=None, unit_amount_decimal="0.5", transform_quantity={"divide_by": 100, "round": "down"}),
        item(2, recurring=PRICE["recurring"] | {"interval": "year", "interval_count": 2, "usage_type": "metered"}),
        item(3, billing_scheme="tiered", unit_amount=None, unit_amount_decimal=None),
    ]
    items[0]["discounts"] = ["di_9"]
    stripe.mirror(world, [shown("created", 0, items={"data": items, "has_more": True}, discounts=["di_1"], trial_end=MADE + 5)])
    (only,) = told(world)
    fact = events.SubscriptionCreated.model_validate(only.data)
    assert [(one.unit_amount_minor, one.quantity, one.metered, one.tiered) for one in fact.items] == [
        ("0.5", 1, False, False), ("1000", 2, True, False), (None, 3, False, True),
    ]  # fmt: skip
    assert (fact.items[0].units_per_package, fact.items[0].rounds_up, fact.items[0].discount_ids) == (100, False, ["di_9"])
    assert (fact.items[1].interval, fact.items[1].interval_count, fact.items_complete) == ("year", 2, False)
    assert fact.discounts == [events.Discount(discount_id="di_1", coupon_id=None, coupon=None, starts_at=None, ends_at=None)]
    assert (fact.current_period_end_at, fact.trial_end_at) == (
        datetime.fromtimestamp(MADE + 2_678_401, UTC), datetime.fromtimestamp(MADE + 5, UTC),
    )  # fmt: skip


def test_older_shapes_say_the_same() -> None:
    plan = {"id": "price_1", "currency": "usd", "amount": 1000, "interval": "month", "interval_count": 1, "product": "prod_1"}
    coupon = {"id": "OFF", "duration": "forever", "percent_off": 12.5, "amount_off": None, "currency": None}
    newer = {
        "discounts": [{"id": "di_1", "source": {"coupon": coupon}, "start": MADE, "end": None}],
        "cancel_at": MADE + 2_678_401,
    }
    older = {"discount": {"id": "di_1", "coupon": coupon, "start": MADE, "end": None}, "cancel_at_period_end": True}
    period = {"current_period_start": MADE, "current_period_end": MADE + 2_678_401}
    of_items = SUBSCRIPTION | {"currency": "usd", "items": {"data": [item()]}} | newer
    whole = SUBSCRIPTION | period | older | {"items": {"data": [{"id": "si_1", "quantity": 1, "plan": plan}]}}
    assert subscription_facts.subscription(whole) == subscription_facts.subscription(of_items)
    assert subscription_facts.subscription(whole)["discounts"][0]["coupon"]["percent_off"] == "12.5"


def test_the_largest_subscription_fits_into_an_event() -> None:
    items = [item(n, id=f"price_{'x' * 30}{n}") | {"discounts": [f"di_{'x' * 28}{n}_{m}" for m in range(20)]} for n in range(90)]
    fields = subscription_facts.subscription(SUBSCRIPTION | {"currency": "usd", "items": {"data": items}})
    fact = events.SubscriptionUpdated(object_id="sub_1", account=None, object_version=1, provider_event_id="evt_1", **fields)
    assert len(fact.items) == 40 and not fact.items_complete
    assert len(fact.model_dump_json()) < MAX_DETAIL_BYTES - 10_000


@pytest.mark.parametrize("first", ["coupon.created", "coupon.updated", "coupon.deleted"])
def test_a_coupons_terms_are_told_once_by_whatever_comes_first(world: World, first: str) -> None:
    terms: dict[str, Any] = {"id": "OFF", "duration": "once", "percent_off": None, "amount_off": 500, "currency": "usd"}
    for kind in (first, "coupon.updated"):
        stripe.mirror(world, [event_of("coupon.created", kind, **terms)])
    (only,) = told(world)
    expected = {
        "coupon_id": "OFF",
        "percent_off": None,
        "amount_off_minor": 500,
        "amount_off_currency": "USD",
        "duration": "once",
    }
    assert (only.type, only.data["coupon"]) == ("sync.coupon.created", expected)


def test_a_discount_begins_changes_and_goes(world: World) -> None:
    for second, (kind, fields) in enumerate(
        [("created", {}), ("updated", {}), ("updated", {"end": MADE}), ("deleted", {"end": MADE})]
    ):
        stripe.mirror(world, [event_of("customer.discount.created", f"customer.discount.{kind}", at=MADE + second, **fields)])
    found = told(world)
    assert [one.type.rpartition(".")[2] for one in found] == ["created", "updated", "deleted"]
    assert json.loads(event_of("customer.discount.created"))["data"]["object"]["source"]["coupon"] == found[0].data["coupon_id"]
