"""Erasing a workspace leaves nothing of its meters."""

from oppulence.metering import usage_store
from oppulence.tenancy.events import WorkspaceErased
from tests.metering import usage
from tests.metering.support import CALLS, make, use, versions_for
from tests.support.api import Api
from tests.support.world import World


def test_usage_is_gone_wherever_it_was(api: Api, store: World) -> None:
    other = store.workspace()
    for workspace_id in (store.workspace_id, other):
        usage.make_in(api, workspace_id, effective_from=None)
        usage.take(store, usage.sent("a"), workspace_id=workspace_id)
        usage.land(store, usage.sent("b"), workspace_id=workspace_id)
    for _ in range(2):
        assert store.deliver("metering.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert [usage.rows(store, table, "1") for table in usage_store.TABLES] == [[]] * len(usage_store.TABLES)
    assert store.count("metering.batches") == 0 and usage.archived(store) == []
    assert usage.take(store, usage.sent("c")) and usage.rows(store, "usage_landing", "id") == []
    usage.settle(store, other)
    assert len(usage.rows(store, "usage_values", "id", other)) == len(usage.archived(store, other)) == 2


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
