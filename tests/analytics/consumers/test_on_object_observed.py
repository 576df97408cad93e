"""What was listed or fetched becomes rows too: no event tells of it."""

from datetime import datetime, timedelta

from oppulence.sync.observing import Observed, observe
from oppulence.sync.stripe_events import read
from tests.analytics.support import rows, tell, told
from tests.support import stripe
from tests.support.world import World

SUBSCRIPTION = next(
    event for event in map(read, stripe.corpus())
    if event.object_type == "subscription" and event.object["status"] == "active" and not event.object["discounts"]
)  # fmt: skip
FEE = next(
    one["object"] for one in stripe.final_objects() if one["object_type"] == "balance_transaction" and one["object"]["fee"]
)


def see(world: World, shown: dict[str, object], at: datetime) -> None:
    world.within("sync", lambda uow: observe(uow, [Observed("", shown, at)], "conn_1"))


def test_a_listed_subscription_counts_from_its_beginning(store: World) -> None:
    see(store, SUBSCRIPTION.object, SUBSCRIPTION.created_at + timedelta(days=30))
    assert tell(store, told(store)) == []
    ((kind, at),) = rows(store, "mrr_movements", "kind, occurred_at")
    assert (kind, int(at.timestamp())) == ("new", max(SUBSCRIPTION.object["start_date"], SUBSCRIPTION.object["trial_end"] or 0))


def test_a_later_look_moves_it_then(store: World) -> None:
    see(store, SUBSCRIPTION.object, SUBSCRIPTION.created_at + timedelta(days=30))
    assert tell(store, told(store)) == []
    paused_at = SUBSCRIPTION.created_at + timedelta(days=60)
    see(store, SUBSCRIPTION.object | {"pause_collection": {"behavior": "void", "resumes_at": None}}, paused_at)
    assert tell(store, told(store)) == []
    assert rows(store, "mrr_movements", "kind, occurred_at")[-1] == ("churn", paused_at.replace(tzinfo=None))


def test_fees_come_of_balance_transactions(store: World) -> None:
    see(store, FEE, SUBSCRIPTION.created_at)
    assert tell(store, told(store)) == []
    assert rows(store, "transactions", "kind, amount_minor, charge_id") == [("fee", -FEE["fee"], FEE["source"])]
