"""How well the mirror follows."""

from oppulence.kernel.uow import Scope
from oppulence.sync import reconciling
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop


def test_lag_types_and_gaps_of_each_connection(api: Api, world: World, connection_id: str, shop: Shop) -> None:
    webhooks = [stripe.webhook(world.workspace_id, body, connection_id) for body in stripe.corpus()[:60]]
    assert world.deliver("sync.consumers.on_webhook_received", *webhooks) == []
    shop(2)
    reconciling.reconcile(Scope("sync", world.workspace_id), connection_id)
    body = api.as_key(["sync:read"]).get("/v1/sync/status").body
    (status,) = body["connections"]
    assert (status["connection_id"], status["status"], status["reconciles"]) == (connection_id, "active", True)
    assert status["gaps"] == {"found": 2, "closed": 2, "open": 0} and status["reconciliation_error"] is None
    assert 0 <= status["lag_p50_ms"] <= status["lag_p99_ms"] and status["checked_through"] and status["last_reconciled_at"]
    by_type = {one["type"]: one for one in status["types"]}
    assert sum(one["events"] for one in by_type.values()) == 62 and by_type["customer"]["last_success_at"]
    assert body["dead_letters"] == 0


def test_a_connection_without_a_key_says_that_it_finds_no_gaps(api: Api) -> None:
    body = {"provider": "stripe", "webhook_secrets": ["whsec_made_by_hand_0001"]}
    assert api.as_key().post("/v1/connections", body).status == 201
    (status,) = api.as_key().get("/v1/sync/status").body["connections"]
    assert status["reconciles"] is False and status["last_event_at"] is None and status["types"] == []
    assert status["gaps"] == {"found": 0, "closed": 0, "open": 0}


def test_nothing_connected_is_no_error(api: Api) -> None:
    assert api.as_key().get("/v1/sync/status").body == {"connections": [], "dead_letters": 0}


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/sync/status").status == 403


def test_another_workspace_sees_nothing(api: Api, world: World, connection_id: str) -> None:
    assert api.as_key(workspace_id=world.workspace()).get("/v1/sync/status").body["connections"] == []
