"""Erasing a workspace leaves nothing of its meters."""

from oppulence.tenancy.events import WorkspaceErased
from tests.metering.support import CALLS, make, use, versions_for
from tests.support.api import Api
from tests.support.world import World


def test_meters_are_gone_and_other_workspaces_keep_theirs(api: Api, world: World) -> None:
    use(world, make(api)["id"])
    other = world.workspace()
    assert api.as_key(workspace_id=other).post("/v1/meters", CALLS).status == 201
    assert len(versions_for(world, "api.call", max_age_s=60)) == 1
    for _ in range(2):
        assert world.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert [world.count(f"metering.{table}") for table in ("meters", "meter_versions")] == [0, 0]
    assert versions_for(world, "api.call", max_age_s=60) == []
    assert world.count("metering.meters", other) == world.count("metering.meter_versions", other) == 1
