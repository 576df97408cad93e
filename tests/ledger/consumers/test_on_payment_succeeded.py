"""The ledger's consumer of payment succeeded."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World


def test_a_payment_of_an_invoice_settles_what_was_receivable(world: World) -> None:
    told = fact(events.PaymentSucceeded, object_id="pi_1", invoice_id="in_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"payment.succeeded": {"stripe_clearing": 10_700, "receivable": -10_700}}


def test_a_sale_without_an_invoice_is_revenue(world: World) -> None:
    tell(world, fact(events.PaymentSucceeded, object_id="pi_1"))
    assert journal(world) == {"payment.succeeded": {"stripe_clearing": 10_700, "revenue": -10_700}}


def test_a_payment_may_come_before_its_invoice(world: World) -> None:
    tell(world, fact(events.PaymentSucceeded, object_id="pi_1", invoice_id="in_1"), fact(events.InvoiceFinalized))
    assert "receivable" not in balances(world)
