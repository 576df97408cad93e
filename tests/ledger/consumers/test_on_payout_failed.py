"""The ledger's consumer of payout failed."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World


def test_stripe_clearing_against_bank(world: World) -> None:
    told = fact(events.PayoutFailed, object_id="po_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"payout.failed": {"stripe_clearing": 10_700, "bank": -10_700}}


def test_a_payout_that_failed_leaves_nothing_whichever_is_heard_of_first(world: World) -> None:
    tell(world, fact(events.PayoutFailed, object_id="po_1"), fact(events.PayoutCreated, object_id="po_1"))
    assert balances(world) == {}
