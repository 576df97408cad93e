"""Erasing a workspace leaves nothing of its mirror."""

from oppulence.tenancy.events import WorkspaceErased
from tests.support import stripe
from tests.support.world import World


def test_the_mirror_is_gone_and_other_workspaces_keep_theirs(world: World) -> None:
    other = world.workspace()
    stripe.mirror(world, stripe.corpus()[:20])
    world.deliver("sync.consumers.on_webhook_received", stripe.webhook(other, stripe.corpus()[0]), workspace_id=other)
    assert world.deliver("sync.consumers.on_workspace_erased", WorkspaceErased()) == []
    assert (world.count("sync.raw_events"), world.count("sync.objects")) == (0, 0)
    assert (world.count("sync.raw_events", other), world.count("sync.objects", other)) == (1, 1)
