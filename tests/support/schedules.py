"""What every context's outbox sweeper must do."""

from oppulence.kernel.ids import new_id
from tests.support.entries import entry
from tests.support.world import World


def publishes_what_stayed_behind(world: World, context: str) -> None:
    """An event whose publishing failed goes out once the sweeper runs, and once only; a fresh one is left to its function."""
    for event_id, age in ((old := new_id("ev"), "1 minute"), (new_id("ev"), "1 second")):
        detail = f'{{"id": "{event_id}", "type": "{context}.test.happened", "version": 1, "workspace_id": "{world.workspace_id}",'
        detail += ' "occurred_at": "2026-01-01T00:00:00Z", "data": {}}'
        world.admin.execute(
            f"INSERT INTO {context}.outbox (id, workspace_id, type, detail, created_at)"
            " VALUES (%s, %s, %s, %s, now() - %s::interval)".encode(),
            (event_id, world.workspace_id, f"{context}.test.happened", detail, age),
        )
    sweeper = entry(f"{context}.schedules.sweep_outbox")
    sweeper({}, None)
    sweeper({}, None)
    assert [one.id for one in world.envelopes()] == [old]
    assert world.count(f"{context}.outbox") == 1
