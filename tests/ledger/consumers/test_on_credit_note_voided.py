"""The ledger's consumer of credit note voided."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World

NOTE = {"object_id": "cn_1", "invoice_id": "in_1", "total_minor": 1_070, "tax_minor": 70, "pre_payment_minor": 1_070}
ISSUED, VOIDED = fact(events.CreditNoteIssued, **NOTE), fact(events.CreditNoteVoided, **NOTE)


def test_the_note_is_taken_back_whole(world: World) -> None:
    assert tell(world, ISSUED, VOIDED, VOIDED) == []
    assert journal(world)["credit_note.voided"] == {"receivable": 1_070, "revenue": -1_000, "tax": -70}
    assert balances(world) == {}


def test_it_waits_for_the_note(world: World) -> None:
    assert tell(world, VOIDED) == [VOIDED]
    assert journal(world) == {}


def test_a_note_that_booked_nothing_is_not_waited_for(world: World) -> None:
    refunded = NOTE | {"tax_minor": 0, "pre_payment_minor": 0, "post_payment_minor": 1_070}
    assert tell(world, fact(events.CreditNoteVoided, **refunded)) == []
