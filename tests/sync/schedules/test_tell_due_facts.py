"""The clock tells of overdue invoices, and of balance transactions that waited for what was converted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from oppulence.kernel.events import Envelope
from oppulence.sync.observing import Observed, observe
from tests.support import entries, stripe
from tests.support.standing_clock import START, StandingClock
from tests.support.world import World
from tests.sync.stripe_shows import event_of

SCHEDULE = "sync.schedules.tell_due_facts"
DUE = START - timedelta(hours=1)


def invoice(kind: str = "finalized", **fields: Any) -> bytes:
    """An event of one invoice that was sent by mail."""
    shown: dict[str, Any] = {"status": "open", "due_date": int(DUE.timestamp()), "collection_method": "send_invoice"}
    return event_of("invoice.finalized", f"invoice.{kind}", **shown | fields)


def told(world: World, kind: str) -> list[Envelope]:
    entries.entry(SCHEDULE)({}, None)
    return [one for one in world.envelopes() if one.type == kind]


def test_an_open_invoice_past_its_due_date_is_told_once(world: World, clock: StandingClock) -> None:
    stripe.mirror(world, [invoice()])
    (only,) = told(world, "sync.invoice.overdue")
    assert (only.occurred_at, only.data["due_at"]) == (DUE, DUE.isoformat().replace("+00:00", "Z"))
    assert (only.data["object_version"], only.data["amount_remaining_minor"]) == (1, only.data["total_minor"])
    stripe.mirror(world, [invoice("overdue")])
    assert told(world, "sync.invoice.overdue") == []


def test_what_stripe_told_the_clock_does_not(world: World, clock: StandingClock) -> None:
    stripe.mirror(world, [invoice(), invoice("overdue")])
    assert len(told(world, "sync.invoice.overdue")) == 1
    assert told(world, "sync.invoice.overdue") == []


def test_an_invoice_becomes_overdue_in_domain_time(world: World, clock: StandingClock) -> None:
    stripe.mirror(world, [invoice(due_date=int((START + timedelta(days=30)).timestamp()))])
    assert told(world, "sync.invoice.overdue") == []
    clock.move(timedelta(days=31))
    assert len(told(world, "sync.invoice.overdue")) == 1


def test_only_open_invoices_with_a_due_date_are_overdue(world: World, clock: StandingClock) -> None:
    for fields in ({"due_date": None}, {"status": "draft"}, {"status": "uncollectible"}, {"status": "void"}):
        stripe.mirror(world, [invoice(id=f"in_{fields}".replace(" ", ""), **fields)])
    assert told(world, "sync.invoice.overdue") == []


def listed(world: World, *shown: dict[str, Any], at: datetime = START) -> None:
    world.within("sync", lambda uow: observe(uow, [Observed("", one, at) for one in shown], "conn_00000000000000000000"))


def converted(**fields: Any) -> dict[str, Any]:
    shown = {
        "id": "txn_1", "object": "balance_transaction", "type": "charge", "reporting_category": "charge", "amount": 10_840,
        "fee": 344, "net": 10_496, "currency": "usd", "exchange_rate": 1.084, "source": "ch_1", "available_on": 1767571200,
        "created": 1767484800,
    }  # fmt: skip
    return shown | fields


def charge(**fields: Any) -> dict[str, Any]:
    shown = {"id": "ch_1", "object": "charge", "amount": 12_000, "amount_captured": 10_000, "currency": "eur", "paid": True}
    return shown | {"captured": True, "payment_intent": "pi_1", "status": "succeeded", "created": 1767484800} | fields


KIND = "sync.balance_transaction.recorded"


def test_a_conversion_is_told_when_its_source_is_known(world: World, clock: StandingClock) -> None:
    listed(world, converted())
    assert told(world, KIND) == []
    listed(world, charge())
    (only,) = told(world, KIND)
    assert only.occurred_at == datetime.fromtimestamp(1767484800, UTC)
    assert (only.data["exchange_rate"], only.data["source_currency"], only.data["source_amount_minor"]) == (
        "1.084",
        "EUR",
        10_000,
    )
    assert (only.data["amount_minor"], only.data["fee_minor"], only.data["net_minor"]) == (10_840, 344, 10_496)
    assert told(world, KIND) == []


def test_a_refunds_money_comes_out_of_the_balance(world: World, clock: StandingClock) -> None:
    refund = {"id": "re_1", "object": "refund", "amount": 2_000, "currency": "eur", "created": 1767484800}
    listed(world, refund, converted(id="txn_2", type="refund", source="re_1", amount=-2_168, fee=0, net=-2_168))
    (only,) = told(world, KIND)
    assert (only.data["source_currency"], only.data["source_amount_minor"]) == ("EUR", -2_000)


def test_after_a_day_a_conversion_is_told_without_its_source(world: World, clock: StandingClock) -> None:
    listed(world, converted())
    clock.move(timedelta(days=2))
    (only,) = told(world, KIND)
    assert (only.data["exchange_rate"], only.data["source_currency"], only.data["source_amount_minor"]) == ("1.084", None, None)


def test_nothing_waits_without_need(world: World, clock: StandingClock) -> None:
    payout = converted(id="txn_2", type="payout", source="po_1")
    alike = converted(id="txn_3", exchange_rate=None)
    listed(world, payout, alike, converted(id="txn_4", source=charge()))
    found = {one.data["object_id"]: one.data["source_currency"] for one in world.envelopes() if one.type == KIND}
    assert found == {"txn_2": None, "txn_3": None, "txn_4": "EUR"}
    assert told(world, KIND) == []
