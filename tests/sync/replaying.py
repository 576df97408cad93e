"""Replays in tests: run to their end through the consumer, as the bus would bring their steps."""

import json
from typing import Any

from tests.support.api import Api
from tests.support.world import World

CONSUMER = "sync.consumers.on_replay_scheduled"
PATH = "/v1/sync/replays"


def started(api: Api, **wanted: Any) -> str:
    """Ask for a replay; returns its id."""
    answer = api.as_key().post(PATH, wanted)
    assert answer.status == 202, answer.body
    return str(answer.body["id"])


def run(world: World, api: Api, **wanted: Any) -> tuple[dict[str, Any], list[str]]:
    """A replay, from asking to its end; returns it, and the types of all else that was told meanwhile."""
    replay_id = started(api, **wanted)
    told: list[str] = []
    while steps := _steps(world, told):
        assert world.deliver(CONSUMER, *steps) == []
    body = api.as_key().get(f"{PATH}/{replay_id}").body
    assert isinstance(body, dict)
    return body, told


def mirrored(world: World) -> list[str]:
    """The mirror's objects as they stand."""
    query = "SELECT account, type, id, data, deleted, told FROM sync.objects WHERE workspace_id = %s ORDER BY account, type, id"
    return [json.dumps(row) for row in world.admin.execute(query, (world.workspace_id,)).fetchall()]


def _steps(world: World, told: list[str]) -> list[Any]:
    found = world.envelopes()
    told += [one.type for one in found if one.type != "sync.replay.scheduled"]
    return [one for one in found if one.type == "sync.replay.scheduled"]
