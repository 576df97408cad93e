"""The ledger's consumer of invoice paid."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_what_the_provider_collected_is_booked_by_its_payments(world: World) -> None:
    assert tell(world, fact(events.InvoicePaid)) == []
    assert journal(world) == {}


def test_what_was_paid_elsewhere_goes_to_the_bank(world: World) -> None:
    for _ in range(2):
        tell(world, fact(events.InvoicePaid, paid_off_provider_minor=10_700))
    assert journal(world) == {"invoice.paid": {"bank": 10_700, "receivable": -10_700}}


def test_paying_after_all_takes_back_the_write_off_to_the_unit(world: World) -> None:
    """3,000 had been paid before the rest was written off, so the rest is what comes back."""
    written_off = fact(events.InvoiceMarkedUncollectible, amount_remaining_minor=7_700)
    tell(world, fact(events.InvoiceFinalized), written_off, fact(events.InvoicePaid, was_uncollectible=True))
    assert journal(world)["invoice.write_off_reversed"] == {"receivable": 7_700, "bad_debt": -7_700}
    row = world.admin.execute(
        "SELECT r.kind FROM ledger.journal_entries e JOIN ledger.journal_entries r ON r.id = e.reverses_id"
        " WHERE e.workspace_id = %s AND e.kind = 'invoice.write_off_reversed'",
        (world.workspace_id,),
    ).fetchone()
    assert row == ("invoice.marked_uncollectible",)


def test_it_waits_for_the_write_off(world: World) -> None:
    paid = fact(events.InvoicePaid, was_uncollectible=True, paid_off_provider_minor=10_700)
    assert tell(world, paid) == [paid]
    assert journal(world) == {}
