"""GET /v1/meters/{meter_id}"""

import pytest

from tests.metering.support import make, use
from tests.support.api import Api
from tests.support.world import World


def test_a_meter_is_found_by_id_and_slug(api: Api) -> None:
    made = make(api)
    for key in (made["id"], "calls"):
        answer = api.as_key(["meters:read"]).get(f"/v1/meters/{key}")
        assert (answer.status, answer.body) == (200, made)


def test_an_archived_one_is_found_by_its_id_only(api: Api, world: World) -> None:
    old = make(api)["id"]
    use(world, old)
    api.as_key().delete(f"/v1/meters/{old}")
    assert api.as_key().get("/v1/meters/calls").error.code == "meter_not_found"
    assert api.as_key().get(f"/v1/meters/{old}").body["status"] == "archived"
    new = make(api)["id"]
    assert api.as_key().get("/v1/meters/calls").body["id"] == new


@pytest.mark.parametrize("key", ["none", "met_" + "0" * 20, "calls' OR true --", "%", "x" * 3000])
def test_anything_else_is_not_found(api: Api, key: str) -> None:
    make(api)
    answer = api.as_key().get(f"/v1/meters/{key}")
    assert (answer.status, answer.error.code) == (404, "meter_not_found")


def test_the_scope_is_needed_and_another_workspaces_meter_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    assert api.as_key(["meters:write"]).get(f"/v1/meters/{made['id']}").status == 403
    other = api.as_key(workspace_id=world.workspace())
    assert [other.get(f"/v1/meters/{key}").status for key in (made["id"], "calls")] == [404, 404]
