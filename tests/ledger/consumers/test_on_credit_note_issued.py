"""The ledger's consumer of credit note issued."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World

NOTE = {"object_id": "cn_1", "invoice_id": "in_1", "total_minor": 1_070, "tax_minor": 70}


def test_before_payment_less_is_owed_and_less_was_sold(world: World) -> None:
    told = fact(events.CreditNoteIssued, **NOTE, pre_payment_minor=1_070)
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"credit_note.issued": {"revenue": 1_000, "tax": 70, "receivable": -1_070}}


def test_a_refund_is_booked_by_itself_and_the_note_only_takes_its_tax_back(world: World) -> None:
    tell(world, fact(events.CreditNoteIssued, **NOTE, post_payment_minor=1_070))
    tell(world, fact(events.RefundCreated, object_id="re_1", amount_minor=1_070))
    assert journal(world)["credit_note.issued"] == {"tax": 70, "refunds": -70}
    assert balances(world) == {"refunds": {"USD": 1_000}, "tax": {"USD": 70}, "stripe_clearing": {"USD": -1_070}}


def test_credit_to_the_customer_and_money_paid_back_elsewhere(world: World) -> None:
    tell(world, fact(events.CreditNoteIssued, **NOTE, post_payment_minor=1_070, credited_minor=1_000, off_provider_minor=70))
    assert journal(world) == {"credit_note.issued": {"refunds": 1_000, "tax": 70, "customer_credit": -1_000, "bank": -70}}


def test_a_note_on_both_sides_of_the_payment_shares_its_tax(world: World) -> None:
    tell(world, fact(events.CreditNoteIssued, **NOTE, pre_payment_minor=535, post_payment_minor=535))
    assert journal(world) == {"credit_note.issued": {"revenue": 500, "tax": 70, "receivable": -535, "refunds": -35}}


def test_without_tax_a_refunded_note_books_nothing(world: World) -> None:
    note = NOTE | {"tax_minor": 0}
    assert tell(world, fact(events.CreditNoteIssued, **note, post_payment_minor=1_070)) == []
    assert journal(world) == {}
