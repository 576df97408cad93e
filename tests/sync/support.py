"""What tests of the mirror share: connections with a key, and replays of all that is stored."""

from oppulence.connections.api import API_KEY
from oppulence.kernel import crypto
from oppulence.sync import replay
from oppulence.sync.replay import Selection
from tests.support.world import World


def connect(world: World, connection_id: str, key: str, workspace_id: str | None = None) -> None:
    """A connection with this key; an existing one gets it."""
    workspace_id = workspace_id or world.workspace_id
    sealed = world.within("sync", lambda uow: crypto.seal_json(uow.conn, workspace_id, key, API_KEY), workspace_id)
    world.admin.execute(
        "INSERT INTO connections.connections"
        " (id, workspace_id, provider, status, api_key, webhook_secrets, created_at, updated_at)"
        " VALUES (%s, %s, 'stripe', 'active', %s, '', now(), now())"
        " ON CONFLICT (id) DO UPDATE SET workspace_id = excluded.workspace_id, api_key = excluded.api_key, status = 'active'",
        (connection_id, workspace_id, sealed),
    )


def replay_all(world: World, chosen: Selection | None = None) -> tuple[int, int]:
    """All steps of a replay; returns events and changed objects."""
    events, changed, cursor = 0, 0, 0
    while True:
        step = world.within("sync", lambda uow, at=cursor: replay.replay(uow, chosen or Selection(), at))
        events, changed = events + step.events, changed + step.changed
        if step.cursor is None:
            return events, changed
        cursor = step.cursor
