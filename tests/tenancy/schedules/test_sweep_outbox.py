"""Events of tenancy that stayed behind are published."""

from oppulence.tenancy.events import WorkspaceRestored
from tests.support import entries
from tests.support.world import World

ROW = "INSERT INTO tenancy.outbox (id, workspace_id, type, detail, created_at) VALUES (%s, %s, %s, %s, now() - %s::interval)"


def test_what_waited_over_half_a_minute_goes_out(world: World) -> None:
    for age in ("31 seconds", "1 second"):
        one = entries.envelope(world.workspace_id, WorkspaceRestored())
        world.admin.execute(ROW, (one.id, world.workspace_id, one.type, one.model_dump_json(), age))
    entries.entry("tenancy.schedules.sweep_outbox")({}, None)
    assert world.emitted() == ["tenancy.workspace.restored.v1"]
    assert world.count("tenancy.outbox") == 1
