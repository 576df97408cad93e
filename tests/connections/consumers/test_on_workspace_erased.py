"""Erasing a workspace leaves nothing of its connections, in PostgreSQL or at the doors."""

from oppulence.connections import door_table
from oppulence.tenancy.events import WorkspaceErased
from tests.connections.support import connect
from tests.support.api import Api
from tests.support.world import World


def test_connections_and_doors_are_gone_and_other_workspaces_keep_theirs(api: Api, world: World) -> None:
    made = connect(api)
    other = world.workspace()
    kept = api.as_key(workspace_id=other).post(
        "/v1/connections", {"provider": "stripe", "webhook_secrets": ["whsec_of_the_other_workspace"]}
    )
    assert world.deliver("connections.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert door_table.read(made["id"]) is None and door_table.read_all(world.workspace_id, "stripe") == []
    assert (world.count("connections.connections"), world.count("connections.connections", other)) == (0, 1)
    assert door_table.read(kept.body["id"]) is not None
