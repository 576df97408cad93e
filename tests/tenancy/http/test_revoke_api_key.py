"""DELETE /v1/api_keys/{api_key_id}"""

from oppulence.kernel import auth
from tests.support.api import Api
from tests.support.world import World

NEW = {"name": "k", "scopes": ["ledger:read"]}


def test_a_revoked_key_opens_nothing(api: Api, world: World) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    with_it = api.with_headers(Authorization=f"Bearer {made['api_key']}")
    assert with_it.get("/v1/ledger").status == 200
    assert api.as_key(scopes=["api_keys:write"]).delete(f"/v1/api_keys/{made['id']}").status == 204
    assert with_it.get("/v1/ledger").error.code == "invalid_api_key"
    assert world.emitted() == ["tenancy.api_key.created.v1", "tenancy.api_key.revoked.v1"]


def test_other_processes_keep_it_for_half_a_minute_at_most(api: Api) -> None:
    assert auth.CACHE_S <= 30


def test_again_changes_nothing(api: Api, world: World) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    assert [api.as_key().delete(f"/v1/api_keys/{made['id']}").status for _ in range(2)] == [204, 204]
    assert len(api.as_key().get("/v1/audit_events", action="api_key.revoked").body["data"]) == 1


def test_the_scope_is_needed(api: Api) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    assert api.as_key(scopes=["api_keys:read"]).delete(f"/v1/api_keys/{made['id']}").status == 403


def test_another_workspaces_key_does_not_exist(api: Api, world: World) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    refused = api.as_key(workspace_id=world.workspace()).delete(f"/v1/api_keys/{made['id']}")
    assert (refused.status, refused.error.code) == (404, "api_key_not_found")
    assert api.with_headers(Authorization=f"Bearer {made['api_key']}").get("/v1/ledger").status == 200


def test_an_id_of_no_key_is_not_found(api: Api) -> None:
    for odd in ("key_nothing", "%00", "'; --", "x" * 300):
        assert api.as_key().delete(f"/v1/api_keys/{odd}").status in (400, 404)
