"""Samples: what the provider lists of a type and day, against the mirror; differences are counted and mended."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from infra.local.stripe.fake import FakeStripe
from oppulence.connections import api as connections
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.kernel.uow import Scope
from oppulence.sync import comparing
from oppulence.sync.comparison_store import Comparison
from oppulence.sync.events.reconciliations import ComparisonRequested
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop

CONSUMER = "sync.consumers.on_comparison_requested"


@pytest.fixture
def today(fake_stripe: FakeStripe) -> date:
    return datetime.fromtimestamp(fake_stripe.now, UTC).date()


@pytest.fixture(autouse=True)
def long_connected(world: World, connection_id: str) -> None:
    world.admin.execute(
        "UPDATE connections.connections SET created_at = created_at - interval '3 days' WHERE id = %s", (connection_id,)
    )


def compare(world: World, connection_id: str, object_type: str, day: date) -> Comparison:
    found = comparing.compare(Scope("sync", world.workspace_id), connection_id, object_type, day)
    assert found is not None
    return found


def intents(fake: FakeStripe, *amounts: int) -> None:
    for amount in amounts:
        given: Any = {"amount": amount, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "off_session": True}
        fake.client().v1.payment_intents.create(
            given | {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
        )


def test_objects_that_the_mirror_lacks_are_counted_added_up_and_taken_in(
    api: Api, world: World, connection_id: str, fake_stripe: FakeStripe, today: date
) -> None:
    intents(fake_stripe, 1200, 34)
    first = compare(world, connection_id, "payment_intent", today)
    assert (first.listed, first.mirrored, first.missing, first.repaired) == (2, 0, 2, 2)
    assert (first.listed_sums, first.mirrored_sums) == ({"EUR": 1234}, {})
    again = compare(world, connection_id, "payment_intent", today)
    assert (again.listed, again.mirrored, again.missing, again.repaired) == (2, 2, 0, 0)
    assert again.listed_sums == again.mirrored_sums == {"EUR": 1234}
    (status,) = api.as_key().get("/v1/sync/status").body["connections"]
    assert status["samples"] == {"compared": 1, "differing": 0, "repaired": 0}, "the latest result of each sample counts"


def test_an_object_that_was_removed_unheard_is_fetched_and_becomes_a_tombstone(
    api: Api, world: World, connection_id: str, shop: Shop, fake_stripe: FakeStripe, today: date
) -> None:
    gone, kept = shop(2)
    compare(world, connection_id, "customer", today)
    fake_stripe.client().v1.customers.delete(gone)
    world.envelopes()
    found = compare(world, connection_id, "customer", today)
    assert (found.listed, found.mirrored, found.surplus) == (1, 2, 1)
    doubts = [one for one in world.envelopes() if one.type == "sync.object.in_doubt"]
    assert [one.data["object_id"] for one in doubts] == [gone]
    assert world.deliver("sync.consumers.on_object_in_doubt", *doubts) == []
    rows = api.as_key().get("/v1/sync/objects/customer", deleted="false").body["data"]
    assert [row["id"] for row in rows] == [kept]
    assert compare(world, connection_id, "customer", today).surplus == 0


def test_a_changed_amount_shows_in_the_sums(world: World, connection_id: str, fake_stripe: FakeStripe, today: date) -> None:
    intents(fake_stripe, 500)
    compare(world, connection_id, "payment_intent", today)
    world.admin.execute(
        "UPDATE sync.objects SET data = jsonb_set(data, '{amount}', '501') WHERE workspace_id = %s AND type = 'payment_intent'",
        (world.workspace_id,),
    )
    fake_stripe.advance(to=fake_stripe.now + 5, settle=False)
    found = compare(world, connection_id, "payment_intent", today)
    assert (found.listed_sums, found.mirrored_sums, found.missing, found.repaired) == ({"EUR": 500}, {"EUR": 501}, 0, 1)
    assert compare(world, connection_id, "payment_intent", today).mirrored_sums == {"EUR": 500}


def test_a_long_day_is_compared_from_its_end(
    world: World, connection_id: str, fake_stripe: FakeStripe, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "_PAGE", 2)
    monkeypatch.setattr(comparing, "_MOST_PAGES", 2)
    for _ in range(6):
        fake_stripe.client().v1.customers.create({"name": "One a minute"})
        fake_stripe.advance(to=fake_stripe.now + 60, settle=False)
    found = compare(world, connection_id, "customer", today)
    assert found.listed == 3, "the oldest second that was listed may have more"
    assert found.compared_from > datetime.combine(today, datetime.min.time(), UTC)


def test_a_provider_that_fails_leaves_the_sample_for_another_hour(
    world: World, connection_id: str, fake_stripe: FakeStripe, today: date
) -> None:
    fake_stripe.fail_next(status=500)
    asked = ComparisonRequested(connection_id=connection_id, object_type="customer", day=today)
    assert world.deliver(CONSUMER, asked) == []
    assert world.count("sync.comparisons") == 0
    assert world.deliver(CONSUMER, asked) == []
    assert world.count("sync.comparisons") == 1


def test_a_refused_key_is_told(api: Api, world: World, connection_id: str, fake_stripe: FakeStripe, today: date) -> None:
    fake_stripe.revoke(fake_stripe.key)
    assert comparing.compare(Scope("sync", world.workspace_id), connection_id, "customer", today) is None
    assert api.as_key().get(f"/v1/connections/{connection_id}").body["status"] == "needs_reauth"


def test_a_key_that_may_not_list_one_type_still_works(
    api: Api, world: World, connection_id: str, fake_stripe: FakeStripe, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = StripeGateway(connection_id, fake_stripe.restricted_key("rak_customer_read"))
    monkeypatch.setattr(connections, "stripe", lambda scope, connection_id: narrow)
    assert comparing.compare(Scope("sync", world.workspace_id), connection_id, "invoice", today) is None
    assert compare(world, connection_id, "customer", today).listed == 0
    assert api.as_key().get(f"/v1/connections/{connection_id}").body["status"] == "active"


def test_days_before_the_connection_are_left_to_backfills(world: World, connection_id: str, today: date) -> None:
    scope = Scope("sync", world.workspace_id)
    assert comparing.compare(scope, connection_id, "customer", today - timedelta(days=10)) is None
    assert comparing.compare(scope, connection_id, "unheard_of", today) is None
