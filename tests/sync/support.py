"""What tests of the mirror share: connections with a key, and replays of all that is stored."""

from itertools import count

from oppulence.connections.api import API_KEY
from oppulence.kernel import crypto
from oppulence.sync.replays import requests
from oppulence.sync.replays.models import NewReplay
from tests.support import cloud
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


def replay_all(world: World, event_ids: list[str] | None = None) -> tuple[int, int]:
    """A replay of these events, or of all, step by step; returns events and changed objects. Only its own events are not told."""
    wanted = NewReplay(event_ids=event_ids) if event_ids else NewReplay(all=True)
    replay_id = world.within("sync", lambda uow: requests.request(uow, wanted)).id
    for number in count():
        world.within("sync", lambda uow, at=number: requests.step(uow, replay_id, at))
        replay = world.within("sync", lambda uow: requests.get(uow, replay_id))
        if replay.status != "running":
            break
    cloud.forget_events("sync.replay.scheduled")
    return replay.events_done, replay.objects_changed
