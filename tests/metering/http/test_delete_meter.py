"""DELETE /v1/meters/{meter_id}"""

from tests.metering.support import make, read, use
from tests.support.api import Api
from tests.support.world import World


def test_one_that_counted_nothing_is_deleted(api: Api, world: World) -> None:
    made = make(api)
    world.emitted()
    assert api.as_key(["meters:write"]).delete("/v1/meters/calls").status == 204
    (envelope,) = world.envelopes()
    assert envelope.type == "metering.meter.archived"
    assert envelope.data == {"meter_id": made["id"], "slug": "calls", "meter_revision": 1, "deleted": True}
    assert (world.count("metering.meters"), world.count("metering.meter_versions")) == (0, 0)
    assert api.as_key().delete(f"/v1/meters/{made['id']}").error.code == "meter_not_found"


def test_one_that_counted_something_is_archived_for_good(api: Api, world: World) -> None:
    made = make(api)
    use(world, made["id"])
    world.emitted()
    assert api.as_key().delete("/v1/meters/calls").status == 204
    (envelope,) = world.envelopes()
    assert envelope.data == {"meter_id": made["id"], "slug": "calls", "meter_revision": 2, "deleted": False}
    kept = read(api, made["id"])
    assert kept["status"] == "archived" and kept["used_at"] and kept["archived_at"] == kept["updated_at"]
    assert api.as_key().delete(f"/v1/meters/{made['id']}").error.code == "meter_not_active"
    assert make(api)["id"] != made["id"]


def test_the_scope_is_needed_and_another_workspaces_meter_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    assert api.as_key(["meters:read"]).delete(f"/v1/meters/{made['id']}").status == 403
    other = api.as_key(workspace_id=world.workspace())
    assert [other.delete(f"/v1/meters/{key}").status for key in (made["id"], "calls")] == [404, 404]
    assert read(api, made["id"]) == made
