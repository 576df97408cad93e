"""The ledger's consumer of refund failed."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World


def test_stripe_clearing_against_refunds(world: World) -> None:
    told = fact(events.RefundFailed, object_id="re_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"refund.failed": {"stripe_clearing": 10_700, "refunds": -10_700}}


def test_a_refund_that_failed_leaves_nothing_whichever_is_heard_of_first(world: World) -> None:
    tell(world, fact(events.RefundFailed, object_id="re_1"), fact(events.RefundCreated, object_id="re_1"))
    assert balances(world) == {}
