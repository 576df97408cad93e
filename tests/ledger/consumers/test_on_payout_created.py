"""The ledger's consumer of payout created."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_bank_against_stripe_clearing(world: World) -> None:
    told = fact(events.PayoutCreated, object_id="po_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"payout.created": {"bank": 10_700, "stripe_clearing": -10_700}}


def test_a_negative_payout_takes_money_from_the_bank(world: World) -> None:
    tell(world, fact(events.PayoutCreated, object_id="po_1", amount_minor=-50))
    assert journal(world) == {"payout.created": {"stripe_clearing": 50, "bank": -50}}
