"""Events that did not come in by themselves."""

from oppulence.kernel.uow import Scope
from oppulence.sync import reconciling
from tests.support.api import Api
from tests.support.world import World
from tests.sync.conftest import Shop


def test_gaps_are_listed_with_what_became_of_them(api: Api, world: World, connection_id: str, shop: Shop) -> None:
    shop(3)
    reconciling.reconcile(Scope("sync", world.workspace_id), connection_id)
    first = api.as_key(["sync:read"]).get("/v1/sync/gaps", limit=2).body
    rest = api.as_key().get("/v1/sync/gaps", limit=2, cursor=first["pagination"]["next_cursor"]).body
    rows = first["data"] + rest["data"]
    assert len({row["id"] for row in rows}) == 3 and {row["type"] for row in rows} == {"customer.created"}
    assert all(row["closed_at"] and row["error"] is None and row["connection_id"] == connection_id for row in rows)
    assert api.as_key().get("/v1/sync/gaps", open="true").body["data"] == []
    assert len(api.as_key().get("/v1/sync/gaps", open="false", connection_id=connection_id).body["data"]) == 3
    assert api.as_key().get("/v1/sync/gaps", connection_id="conn_other").body["data"] == []


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/sync/gaps").status == 403


def test_another_workspaces_gaps_are_not_listed(api: Api, world: World, connection_id: str, shop: Shop) -> None:
    shop(1)
    reconciling.reconcile(Scope("sync", world.workspace_id), connection_id)
    assert api.as_key(workspace_id=world.workspace()).get("/v1/sync/gaps").body["data"] == []
