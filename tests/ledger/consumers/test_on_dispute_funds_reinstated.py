"""The ledger's consumer of dispute funds reinstated."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World


def test_stripe_clearing_against_disputes(world: World) -> None:
    told = fact(events.DisputeFundsReinstated, object_id="du_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"dispute.funds_reinstated": {"stripe_clearing": 10_700, "disputes": -10_700}}


def test_a_dispute_that_was_won_leaves_nothing_whichever_is_heard_of_first(world: World) -> None:
    tell(world, fact(events.DisputeFundsReinstated, object_id="du_1"), fact(events.DisputeFundsWithdrawn, object_id="du_1"))
    assert balances(world) == {}
