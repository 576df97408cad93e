"""Listing webhooks that came in."""

from collections import Counter

from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


def test_every_webhook_is_listed_with_what_became_of_it(api: Api, world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:40])
    stripe.mirror(world, stripe.corpus()[:1])
    rows = api.as_key(["sync:read"]).get("/v1/sync/events", limit=500).body["data"]
    assert {row["id"] for row in rows} == {read(body).id for body in stripe.corpus()[:40]}
    assert Counter(row["deliveries"] for row in rows) == {1: 39, 2: 1}
    assert set(rows[0]) == {"id", "type", "account", "status", "received_at", "deliveries", "error"}


def test_filters_by_type_and_status(api: Api, world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:200])
    kind = read(stripe.corpus()[0]).type
    rows = api.as_key().get("/v1/sync/events", type=kind, limit=500).body["data"]
    assert len(rows) == sum(read(body).type == kind for body in stripe.corpus()[:200])
    assert api.as_key().get("/v1/sync/events", status="not_applied").body["data"] == []
    assert api.as_key().get("/v1/sync/events", since="2999-01-01T00:00:00Z").body["data"] == []


def test_a_status_nobody_knows_is_refused(api: Api) -> None:
    answer = api.as_key().get("/v1/sync/events", status="lost")
    assert (answer.status, answer.error.param) == (400, "status")


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/sync/events").status == 403


def test_another_workspaces_webhooks_are_not_listed(api: Api, world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:5])
    assert api.as_key(workspace_id=world.workspace()).get("/v1/sync/events").body["data"] == []
