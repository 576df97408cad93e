"""Stored webhooks become transactions and movements, once each in effect, and wait while the store is away."""

import json

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap
from tests.analytics.support import rows, take_in, tell, told
from tests.support import stripe
from tests.support.world import World

CONSUMER = "analytics.consumers.on_event_stored"


def bodies(*types: str) -> list[bytes]:
    return [body for body in stripe.corpus() if json.loads(body)["data"]["object"]["object"] in types]


def test_a_charge_is_a_payment_however_often_it_is_told(store: World) -> None:
    body = next(one for one in bodies("charge") if json.loads(one)["type"] == "charge.failed")
    facts = take_in(store, [body])
    for _ in range(2):
        assert tell(store, facts) == []
    charge = json.loads(body)["data"]["object"]
    card = charge["payment_method_details"]["card"]
    columns = (
        "kind, status, currency, amount_minor, face_minor, customer_id, card_brand, card_country, decline_code, failure_code"
    )
    assert rows(store, "transactions", columns) == [
        ("payment", "failed", charge["currency"].upper(), 0, charge["amount"], charge["customer"], card["brand"], card["country"],
         charge["outcome"]["reason"], charge["failure_code"])
    ]  # fmt: skip


def test_of_two_states_the_mirrors_stays_though_the_older_is_told_again(store: World) -> None:
    refund_id = next(json.loads(one)["data"]["object"]["id"] for one in bodies("refund") if b"refund.failed" in one)
    states = [one for one in bodies("refund") if json.loads(one)["data"]["object"]["id"] == refund_id]
    first = take_in(store, states[:1])
    assert tell(store, first) == []
    assert rows(store, "transactions", "amount_minor") == [(-json.loads(states[0])["data"]["object"]["amount"],)]
    assert tell(store, [*take_in(store, states[1:]), *first]) == []
    assert rows(store, "transactions", "status, amount_minor") == [("failed", 0)]


def test_a_coupon_that_comes_last_lowers_what_was_reckoned_without_it(store: World) -> None:
    discounts = bodies("discount")
    subscription_id = json.loads(discounts[0])["data"]["object"]["subscription"]
    states = [one for one in bodies("subscription") if json.loads(one)["data"]["object"]["id"] == subscription_id]
    assert tell(store, take_in(store, states)) == []
    (whole,) = rows(store, "mrr_movements", "delta_minor")[:1]
    assert tell(store, take_in(store, discounts[:1])) == []
    assert rows(store, "mrr_movements", "delta_minor")[0] == whole
    assert tell(store, take_in(store, bodies("coupon"))) == []
    assert rows(store, "mrr_movements", "delta_minor")[0] < whole


def test_another_workspace_sees_nothing(store: World) -> None:
    assert tell(store, take_in(store, bodies("charge", "subscription")[:40])) == []
    other = store.workspace()
    assert rows(store, "transactions") and rows(store, "mrr_movements")
    assert rows(store, "transactions", workspace_id=other) == rows(store, "mrr_movements", workspace_id=other) == []


def test_while_the_store_is_away_the_announcement_goes_back_and_states_are_kept(store: World, engine: ClickHouse) -> None:
    facts = take_in(store, bodies("charge", "subscription")[:40])
    engine.stop()
    try:
        assert len(tell(store, facts)) == len(facts)
    finally:
        engine.start()
    assert store.count("analytics.subscription_states") > 0
    assert tell(store, facts) == [] and rows(store, "transactions")


def test_without_an_analytical_store_states_are_kept(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = take_in(store, bodies("subscription")[:10])
    monkeypatch.delenv("CLICKHOUSE_URL")
    assert tell(store, facts) == []
    assert store.count("analytics.subscription_states") > 0


def test_nothing_is_emitted(store: World) -> None:
    facts = take_in(store, bodies("subscription")[:10])
    assert tell(store, facts) == [] and told(store) == []


def test_amounts_are_whole_numbers(store: World) -> None:
    for table in ("transactions_fact", "mrr_movements", "recovery_events"):
        kinds = olap.query("SELECT type FROM system.columns WHERE table = {t:String} AND name LIKE '%minor'", {"t": table})
        assert {kind for (kind,) in kinds} == {"Int64"}
