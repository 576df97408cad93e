"""Gaps: webhooks that never came are found at the provider and taken in, each once, by the usual path."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.stripe.fake import FakeStripe
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.kernel.uow import Scope
from oppulence.sync import reconciling
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop


def reconcile(world: World, connection_id: str, budget_s: float = 30.0) -> int:
    return reconciling.reconcile(Scope("sync", world.workspace_id), connection_id, budget_s)


def progress(world: World) -> dict[str, Any]:
    row = world.admin.execute(
        "SELECT gaps_found, gaps_closed, events_compared, error, succeeded_at IS NOT NULL, checked_through"
        "  FROM sync.reconciliations WHERE workspace_id = %s",
        (world.workspace_id,),
    ).fetchone()
    assert row is not None
    return dict(zip(("found", "closed", "compared", "error", "succeeded", "through"), row, strict=True))


def test_webhooks_that_never_came_are_taken_in_once(api: Api, world: World, connection_id: str, shop: Shop) -> None:
    customers = shop(3)
    assert reconcile(world, connection_id) == 3
    assert {one["id"] for one in api.as_key().get("/v1/sync/objects/customer").body["data"]} == set(customers)
    assert sorted(world.emitted()).count("sync.customer.created.v1") == 3
    assert reconcile(world, connection_id) == 0
    assert (progress(world)["found"], progress(world)["closed"]) == (3, 3)
    assert world.count("sync.raw_events") == 3 and world.emitted() == []


def test_what_came_by_webhook_is_no_gap(world: World, connection_id: str, shop: Shop, fake_stripe: FakeStripe) -> None:
    shop(2)
    (first, *_) = json.loads(StripeGateway("conn_1", fake_stripe.key).get("/v1/events").body)["data"]
    stripe.mirror(world, [json.dumps(first).encode()])
    assert reconcile(world, connection_id) == 1
    ways = world.admin.execute(
        "SELECT via, exact FROM sync.raw_events WHERE workspace_id = %s ORDER BY via", (world.workspace_id,)
    ).fetchall()
    assert ways == [("events_api", False), ("webhook", True)]


def test_events_under_way_are_left_alone(world: World, connection_id: str, fake_stripe: FakeStripe) -> None:
    fake_stripe.client().v1.customers.create({"name": "A moment ago"})
    assert reconcile(world, connection_id) == 0
    fake_stripe.advance(to=fake_stripe.now + 120, settle=False)
    assert reconcile(world, connection_id) == 1, "and looked at again when their time is over"


def test_what_happened_before_the_connection_is_no_gap(world: World, connection_id: str, shop: Shop) -> None:
    shop(2)
    world.admin.execute(
        "UPDATE connections.connections SET created_at = now() + interval '1 hour' WHERE id = %s", (connection_id,)
    )
    assert reconcile(world, connection_id) == 0
    assert world.count("sync.raw_events") == 0


def test_a_pass_that_runs_out_of_time_goes_on_where_it_was(world: World, connection_id: str, shop: Shop) -> None:
    shop(250)
    passes = 0
    while not (passes and progress(world)["succeeded"]):
        reconcile(world, connection_id, budget_s=0.0)
        passes += 1
        assert passes < 9
    assert passes >= 3 and progress(world)["found"] == 250
    assert world.count("sync.raw_events") == 250


def test_a_pass_goes_back_no_further_than_the_last_one(
    world: World, connection_id: str, shop: Shop, fake_stripe: FakeStripe
) -> None:
    shop(3)
    reconcile(world, connection_id)
    compared = progress(world)["compared"]
    fake_stripe.advance(days=1, settle=False)
    shop(1)
    reconcile(world, connection_id)
    fake_stripe.advance(days=1, settle=False)
    reconcile(world, connection_id)
    assert compared == 3 and progress(world)["compared"] == 3 + 4 + 1, "each pass sees the hour before the last one again"
    through = progress(world)["through"]
    assert isinstance(through, datetime) and through > datetime.fromtimestamp(fake_stripe.now, UTC) - timedelta(minutes=2)


@pytest.mark.parametrize(
    ("how", "told"),
    [({"status": 500}, "failed with status 500"), ({"status": 429, "retry_after_s": 3}, "wait")],
)
def test_a_provider_that_fails_is_asked_again_by_the_next_pass(
    how: dict[str, Any], told: str, world: World, connection_id: str, shop: Shop, fake_stripe: FakeStripe
) -> None:
    shop(1)
    fake_stripe.fail_next(**how)
    assert reconcile(world, connection_id) == 0
    assert told in progress(world)["error"] and not progress(world)["succeeded"]
    assert reconcile(world, connection_id) == 1
    assert progress(world)["error"] is None and progress(world)["succeeded"]


def test_a_key_that_stopped_working_is_told(api: Api, world: World, connection_id: str, fake_stripe: FakeStripe) -> None:
    fake_stripe.revoke(fake_stripe.key)
    assert reconcile(world, connection_id) == 0
    assert api.as_key().get(f"/v1/connections/{connection_id}").body["status"] == "needs_reauth"
    assert reconcile(world, connection_id) == 0, "and Stripe is left in peace until there is a better one"


def test_an_event_that_cannot_be_taken_in_stays_an_open_gap_until_it_can(world: World, connection_id: str, shop: Shop) -> None:
    bad, *_ = shop(3)
    world.admin.execute(f"ALTER TABLE sync.objects ADD CONSTRAINT refused CHECK (id <> '{bad}') NOT VALID".encode())
    try:
        assert reconcile(world, connection_id) == 3
    finally:
        world.admin.execute("ALTER TABLE sync.objects DROP CONSTRAINT refused")
    open_gaps = "SELECT error FROM sync.gaps WHERE workspace_id = %s AND closed_at IS NULL"
    ((error,),) = world.admin.execute(open_gaps, (world.workspace_id,)).fetchall()
    assert "refused" in str(error) and world.count("sync.raw_events") == 2
    reconcile(world, connection_id)
    assert world.admin.execute(open_gaps, (world.workspace_id,)).fetchall() == [] and world.count("sync.raw_events") == 3


def test_accounts_connected_to_a_platform_have_passes_of_their_own(
    api: Api, world: World, connection_id: str, fake_stripe: FakeStripe
) -> None:
    account = "acct_1ConnectedShop0001"
    fake_stripe.do("objects", objects=[{"id": account, "object": "account", "type": "express", "created": 1}])
    fake_stripe.client().v1.customers.create({"name": "Theirs"}, {"stripe_account": account})
    fake_stripe.advance(to=fake_stripe.now + 300, settle=False)
    assert reconcile(world, connection_id) == 0
    world.admin.execute("UPDATE connections.connections SET connect = true WHERE id = %s", (connection_id,))
    assert reconcile(world, connection_id) == 1
    (row,) = api.as_key().get("/v1/sync/objects/customer").body["data"]
    assert row["account"] == account
    assert reconcile(world, connection_id) == 0
