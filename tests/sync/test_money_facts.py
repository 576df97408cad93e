"""Facts about money: each movement once, in the currency it moved in, at its own moment."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

from oppulence.kernel.events import Envelope
from oppulence.sync.observing import Observed, observe
from tests.support import stripe
from tests.support.world import World
from tests.sync.stripe_shows import event_of

MADE = 1_767_225_600
ASKED = datetime(2026, 11, 1, tzinfo=UTC)
NOT_FACTS = ("sync.event.stored", "sync.object.in_doubt", "sync.object.observed")


def told(world: World, workspace_id: str | None = None) -> list[Envelope]:
    return [one for one in world.envelopes(workspace_id=workspace_id) if one.type not in NOT_FACTS]


def at(second: int) -> datetime:
    return datetime.fromtimestamp(MADE + second, UTC)


def listed(world: World, *shown: dict[str, Any]) -> list[Envelope]:
    """What is told of objects that were listed long after."""
    world.within("sync", lambda uow: observe(uow, [Observed("", one, ASKED) for one in shown], "conn_00000000000000000000"))
    return told(world)


def moved(n: int, amount: int) -> dict[str, Any]:
    return {"id": f"txn_{n}", "amount": amount, "currency": "usd", "created": MADE + n}


def test_a_bank_may_take_and_give_back_the_money_more_than_once(world: World) -> None:
    moves = [moved(1, -1_100), moved(2, 1_100), moved(3, -1_100), moved(4, 990)]
    shown = [
        event_of("charge.dispute.created", "charge.dispute.updated", at=MADE + n, amount=1_000, currency="eur",
                 status="under_review", balance_transactions=moves[:n])
        for n in range(5)
    ]  # fmt: skip
    expected = {
        ("created", "EUR", 1_000, None), ("funds_withdrawn", "USD", 1_100, 1), ("funds_reinstated", "USD", 1_100, 1),
        ("funds_withdrawn", "USD", 1_100, 2), ("funds_reinstated", "USD", 990, 2),
    }  # fmt: skip
    for order in list(permutations(shown))[::23]:
        workspace_id = world.workspace()
        for body in order:
            webhook = stripe.webhook(workspace_id, body)
            assert world.deliver("sync.consumers.on_webhook_received", webhook, workspace_id=workspace_id) == []
        found = [(one.type.rpartition(".")[2], one.data) for one in told(world, workspace_id)]
        facts = [(kind, data["currency"], data["amount_minor"], data.get("occurrence")) for kind, data in found]
        assert len(facts) == len(expected) and set(facts) == expected


def test_a_refund_that_fails_after_it_succeeded_is_told_of_as_both(world: World) -> None:
    for second, (kind, status) in enumerate(
        [("created", "pending"), ("updated", "succeeded"), ("updated", "succeeded"), ("failed", "failed")]
    ):
        stripe.mirror(world, [event_of("refund.created", f"refund.{kind}", at=MADE + second, status=status)])
    assert [one.type for one in told(world)] == ["sync.refund.created", "sync.refund.succeeded", "sync.refund.failed"]


def test_of_a_payment_captured_in_part_the_part_is_told(world: World) -> None:
    held = {"status": "requires_capture", "amount": 1_000, "amount_received": 0, "amount_capturable": 1_000}
    kind = "payment_intent.succeeded"
    stripe.mirror(world, [event_of(kind, "payment_intent.amount_capturable_updated", at=MADE, **held)])
    assert told(world) == []
    stripe.mirror(world, [event_of(kind, at=MADE + 1, amount=1_000, amount_received=700)])
    alone = {"id": "ch_alone", "payment_intent": None, "amount": 1_000, "amount_captured": 300, "paid": True, "captured": True}
    stripe.mirror(world, [event_of("charge.succeeded", "charge.captured", at=MADE + 2, **alone)])
    assert [(one.type, one.data["amount_minor"]) for one in told(world)] == [
        ("sync.payment.succeeded", 700), ("sync.payment.succeeded", 300),
    ]  # fmt: skip


def test_what_was_before_the_connection_is_told_with_its_own_moments(world: World) -> None:
    moments = {"finalized_at": MADE + 10, "paid_at": MADE + 90, "marked_uncollectible_at": MADE + 60, "voided_at": None}
    invoice = {
        "id": "in_1", "object": "invoice", "created": MADE, "status": "paid", "status_transitions": moments, "currency": "usd",
        "customer": "cus_1", "subscription": "sub_1", "total": 1_000, "tax": 70, "amount_remaining": 0, "amount_paid": 1_000,
    }  # fmt: skip
    subscription = {
        "id": "sub_1", "object": "subscription", "created": MADE + 1, "status": "canceled", "ended_at": MADE + 99,
        "currency": "usd", "customer": "cus_1", "items": {"data": []},
    }  # fmt: skip
    payment = {"id": "pi_1", "object": "payment_intent", "created": MADE + 5, "status": "succeeded", "amount_received": 1_000}
    found = listed(world, invoice, subscription, payment | {"currency": "usd"})
    assert {one.type.removeprefix("sync."): one.occurred_at for one in found} == {
        "invoice.finalized": at(10), "invoice.marked_uncollectible": at(60), "invoice.paid": at(90), "payment.succeeded": at(5),
        "subscription.created": at(1), "subscription.canceled": at(99),
    }  # fmt: skip
    facts = {one.type: one.data for one in found}
    assert facts["sync.invoice.marked_uncollectible"]["amount_remaining_minor"] == 1_000
    assert (facts["sync.invoice.paid"]["was_uncollectible"], facts["sync.invoice.paid"]["tax_minor"]) == (True, 70)
    assert listed(world, invoice | {"metadata": {"a": "b"}}, subscription, payment | {"currency": "usd"}) == []


def test_what_was_listed_and_what_events_say_is_told_once(world: World) -> None:
    balance_transaction = {
        "id": "txn_1", "object": "balance_transaction", "type": "charge", "reporting_category": "charge", "amount": 1_000,
        "fee": 59, "net": 941,
        "currency": "usd", "exchange_rate": None, "source": "ch_1", "available_on": MADE + 9, "created": MADE + 3,
    }  # fmt: skip
    (only,) = listed(world, balance_transaction)
    assert (only.type, only.occurred_at, only.data["available_at"]) == (
        "sync.balance_transaction.recorded",
        at(3),
        "2026-01-01T00:00:09Z",
    )
    assert listed(world, balance_transaction | {"status": "available"}) == []
    stripe.mirror(world, [event_of("payout.created", id="po_1")])
    assert [one.type for one in told(world)] == ["sync.payout.created"]
    assert (
        listed(world, {"id": "po_1", "object": "payout", "created": MADE, "amount": 5, "currency": "usd", "status": "pending"})
        == []
    )
