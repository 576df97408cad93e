"""The ledger's consumer of invoice marked uncollectible."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_what_is_still_open_becomes_bad_debt(world: World) -> None:
    written_off = fact(events.InvoiceMarkedUncollectible, amount_remaining_minor=7_700)
    assert tell(world, fact(events.InvoiceFinalized), written_off, written_off) == []
    assert journal(world)["invoice.marked_uncollectible"] == {"bad_debt": 7_700, "receivable": -7_700}


def test_it_waits_for_the_finalized_invoice(world: World) -> None:
    early = fact(events.InvoiceMarkedUncollectible)
    assert tell(world, early) == [early]
    assert journal(world) == {}
