"""Figures of the corpus, computed again from its objects and events, and compared with what the analytical store answers."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from tests.analytics.support import rows, take_in, tell
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World

RANGE = {"since": "2025-12-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
LAST = datetime.fromtimestamp(1768161511, UTC)
MONTHS = {"month": Fraction(1), "year": Fraction(1, 12), "week": Fraction(52, 12)}


@pytest.fixture(scope="module")
def filled() -> dict[str, str]:
    """The workspace that holds the corpus, once it does."""
    return {}


@pytest.fixture
def corpus(store: World, api: Api, filled: dict[str, str]) -> Api:
    """A caller in a workspace that holds the whole corpus."""
    if not filled:
        assert tell(store, take_in(store, stripe.corpus())) == []
        filled["workspace_id"] = store.workspace_id
    store.workspace_id = filled["workspace_id"]
    return api.as_key(["analytics:read"], filled["workspace_id"])


def report(api: Api, name: str, **query: str) -> list[dict[str, Any]]:
    """All rows of a report, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.get(f"/v1/analytics/{name}", **RANGE, **query, limit=500, **cursor)
        assert answer.status == 200, answer.body
        found += answer.body["data"]
        if not answer.body["pagination"]["has_more"]:
            return found
        cursor = {"cursor": answer.body["pagination"]["next_cursor"]}


def objects(kind: str) -> list[dict[str, Any]]:
    return [one["object"] for one in stripe.final_objects() if one["object_type"] == kind]


def monthly(subscription: dict[str, Any], percent_off: dict[str, Fraction]) -> int:
    """A subscription's monthly amount, reckoned from the object alone."""
    if subscription["status"] not in ("active", "past_due") or subscription["pause_collection"]:
        return 0
    total = Fraction(0)
    for item in subscription["items"]["data"]:
        price = item["price"]
        if price["recurring"]["usage_type"] == "licensed":
            every = MONTHS[price["recurring"]["interval"]] / price["recurring"]["interval_count"]
            total += price["unit_amount"] * item["quantity"] * every
    for discount_id in subscription["discounts"]:
        total *= 1 - percent_off[discount_id] / 100
    return round(total)


def test_mrr_is_what_the_final_subscriptions_bring(corpus: Api) -> None:
    coupons = {one["id"]: one for one in objects("coupon")}
    percent_off = {}
    for one in objects("discount"):
        coupon = coupons[one["source"]["coupon"]]
        assert coupon["duration"] != "once" and (one["end"] is None or one["end"] > LAST.timestamp())
        percent_off[one["id"]] = Fraction(str(coupon["percent_off"]))
    expected: Counter[str] = Counter()
    customers: dict[str, set[str]] = defaultdict(set)
    for one in objects("subscription"):
        amount = monthly(one, percent_off)
        expected[one["currency"].upper()] += amount
        if amount:
            customers[one["currency"].upper()].add(one["customer"])
    found = [one for one in report(corpus, "mrr", granularity="day") if one["end"] == "2026-01-13T00:00:00Z"]
    assert {one["currency"]: one["mrr_minor"] for one in found} == dict(expected)
    assert {one["currency"]: one["customers"] for one in found} == {name: len(ids) for name, ids in customers.items()}


def test_movements_lead_from_nothing_to_the_mrr_of_every_day(corpus: Api) -> None:
    mrr = {(one["start"], one["currency"]): one["mrr_minor"] for one in report(corpus, "mrr")}
    before: dict[str, int] = defaultdict(int)
    found = report(corpus, "mrr_movements")
    for one in found:
        kinds = ("new_minor", "expansion_minor", "contraction_minor", "churn_minor", "reactivation_minor")
        assert one["opening_minor"] == before[one["currency"]]
        assert (
            one["closing_minor"]
            == one["opening_minor"] + sum(one[kind] for kind in kinds)
            == mrr[(one["start"], one["currency"])]
        )
        before[one["currency"]] = one["closing_minor"]
    assert len(found) == len(mrr) == 62 * 5
    totals = Counter({kind: sum(bool(one[kind]) for one in found) for kind in ("new_minor", "churn_minor", "reactivation_minor")})
    assert min(totals.values()) >= 1


def test_two_metered_subscriptions_are_said_to_be_left_out(corpus: Api) -> None:
    metered = [
        one for one in objects("subscription")
        if one["status"] == "active" and one["items"]["data"][0]["price"]["recurring"]["usage_type"] == "metered"
    ]  # fmt: skip
    assert corpus.get("/v1/analytics/mrr", **RANGE).body["left_out"] == {"metered": len(metered)}


def charge_events() -> dict[str, dict[str, Any]]:
    """Each charge as its last event shows it."""
    shown: dict[str, dict[str, Any]] = {}
    for event in map(json.loads, stripe.corpus()):
        if event["data"]["object"]["object"] == "charge" and event["type"] in ("charge.succeeded", "charge.failed"):
            shown[event["data"]["object"]["id"]] = event["data"]["object"]
    return shown


GROUPS: dict[str, Callable[[dict[str, Any]], str]] = {
    "decline_code": lambda one: one["outcome"]["reason"],
    "card_brand": lambda one: (one["payment_method_details"].get("card") or {}).get("brand") or "unknown",
    "country": lambda one: (one["payment_method_details"].get("card") or {}).get("country") or "unknown",
}


@pytest.mark.parametrize("group", [None, *GROUPS])
def test_failed_payments_a_day_are_those_of_the_events(corpus: Api, group: str | None) -> None:
    failed: Counter[tuple[str, str, str | None]] = Counter()
    tries: Counter[tuple[str, str, str | None]] = Counter()
    for one in charge_events().values():
        day = datetime.fromtimestamp(one["created"], UTC).date().isoformat()
        by = GROUPS[group](one) if group else None
        if one["status"] == "failed":
            failed[(day, one["currency"].upper(), by)] += 1
        tries[(day, one["currency"].upper(), None if group == "decline_code" else by)] += 1
    found = report(corpus, "failed_payments", **({"group_by": group} if group else {}))
    shown = {(one["start"][:10], one["currency"], one["group"]): one for one in found}
    assert {key: one["failed"] for key, one in shown.items() if one["failed"]} == dict(failed)
    for (day, currency, by), one in shown.items():
        attempts = tries[(day, currency, None if group == "decline_code" else by)]
        assert one["attempts"] == attempts
        assert one["rate"] == (f"{float(round(Fraction(one['failed'], attempts), 6)):.6f}" if attempts else None)
    assert sum(failed.values()) == 74


def test_disputes_carry_brand_and_country_of_their_payments(corpus: Api) -> None:
    charges = {one["id"]: one for one in objects("charge")}
    for group, field in (("card_brand", "brand"), ("country", "country")):
        expected = Counter(charges[one["charge"]]["payment_method_details"]["card"][field] for one in objects("dispute"))
        found: Counter[str] = Counter()
        for one in report(corpus, "disputes", granularity="month", group_by=group):
            found[one["group"]] += one["disputes"]
        assert +found == expected
    reasons = Counter(one["payment_method_details"]["card"]["network_reason_code"] for one in objects("dispute"))
    by_reason: Counter[str] = Counter()
    for one in report(corpus, "disputes", granularity="month", group_by="decline_code"):
        by_reason[one["group"]] += one["disputes"]
        assert one["payments"] >= one["disputes"]
    assert by_reason == reasons


def test_money_is_that_of_the_manifest(corpus: Api, store: World) -> None:
    totals = stripe.manifest()["totals"]["by_currency_minor_units"]
    moved: Counter[tuple[str, str]] = Counter()
    for kind, status, currency, amount, face in rows(store, "transactions", "kind, status, currency, amount_minor, face_minor"):
        moved[(kind, currency)] += amount
        moved[(f"{kind} {status}", currency)] += face
    for name, expected in totals.items():
        currency = name.upper()
        assert moved[("payment", currency)] == expected["charges_captured"]
        assert moved[("payment failed", currency)] == expected.get("charges_failed", 0)
        assert -moved[("payout", currency)] == expected.get("paid_out", 0)
        assert -moved[("refund", currency)] == expected.get("refunded", 0)
        assert moved[("dispute lost", currency)] == expected.get("disputed_lost", 0)


def test_payments_know_their_invoices(corpus: Api, store: World) -> None:
    tried = {one["payment_intent"] for one in objects("charge")}
    links = ((one["payment"].get("payment_intent"), one["invoice"]) for one in objects("invoice_payment"))
    paid = {payment_id: invoice_id for payment_id, invoice_id in links if payment_id in tried}
    linked = rows(store, "linked_transactions", "kind, payment_id, invoice_id, customer_id")
    found = {payment: invoice for kind, payment, invoice, _ in linked if kind == "payment" and invoice}
    assert paid.items() <= found.items() and len(paid) > 200
    charges = {one["id"]: one["customer"] for one in objects("charge")}
    refunds = {one["id"]: charges[one["charge"]] for one in objects("refund")}
    shown = dict(rows(store, "linked_transactions", "transaction_id, customer_id"))
    assert {key: shown[key] for key in refunds} == {key: customer or "" for key, customer in refunds.items()}
