"""The ledger's consumer of refund created."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_refunds_against_stripe_clearing(world: World) -> None:
    told = fact(events.RefundCreated, object_id="re_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"refund.created": {"refunds": 10_700, "stripe_clearing": -10_700}}
