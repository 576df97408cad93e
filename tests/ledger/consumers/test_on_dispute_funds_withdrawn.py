"""The ledger's consumer of dispute funds withdrawn."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_disputes_against_stripe_clearing(world: World) -> None:
    told = fact(events.DisputeFundsWithdrawn, object_id="du_1")
    for _ in range(2):
        assert tell(world, told) == []
    assert journal(world) == {"dispute.funds_withdrawn": {"disputes": 10_700, "stripe_clearing": -10_700}}


def test_a_bank_that_takes_the_money_again_is_booked_again(world: World) -> None:
    again = fact(events.DisputeFundsWithdrawn, object_id="du_1", occurrence=2)
    for told in (again, fact(events.DisputeFundsWithdrawn, object_id="du_1"), again):
        assert tell(world, told) == []
    booked = {"disputes": 10_700, "stripe_clearing": -10_700}
    assert journal(world) == {"dispute.funds_withdrawn": booked, "dispute.funds_withdrawn:2": booked}
