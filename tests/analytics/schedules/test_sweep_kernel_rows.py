"""Kernel rows past their use leave."""

from oppulence.tenancy.events import WorkspaceErased
from tests.support import entries
from tests.support.world import World


def test_old_inbox_rows_are_dropped(world: World) -> None:
    assert world.deliver("analytics.consumers.on_workspace_erased", WorkspaceErased()) == []
    entries.entry("analytics.schedules.sweep_kernel_rows")({}, None)
    assert world.count("analytics.inbox") == 1
    world.admin.execute("UPDATE analytics.inbox SET received_at = now() - interval '36 days'")
    entries.entry("analytics.schedules.sweep_kernel_rows")({}, None)
    assert world.count("analytics.inbox") == 0
