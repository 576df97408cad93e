"""Usage events of tests on their way: accepted, landed and settled. Needs the fixture `store`."""

import json
from datetime import datetime
from typing import Any

from oppulence.kernel.uow import Scope
from oppulence.metering import ingest, landing, settling
from oppulence.metering import store as meters_store
from oppulence.metering.events import UsageAccepted
from oppulence.metering.usage_event import SentEvent
from tests.metering.rules import NOON
from tests.support import cloud
from tests.support.world import World


def sent(id_: str, data: Any = None, time: datetime = NOON, **fields: str) -> SentEvent:
    """An event; `data` is written as JSON, unless it is text: that is the JSON itself."""
    text = data if isinstance(data, str) or data is None else json.dumps(data)
    return SentEvent(
        fields.get("source", "test"), id_, fields.get("type", "api.call"), fields.get("subject", "acme"), time, text
    )  # fmt: skip


def take(world: World, *events: SentEvent, workspace_id: str | None = None) -> list[str]:
    """Accept events, land and settle them; returns the ids of their batches."""
    found = land(world, *events, workspace_id=workspace_id)
    settle(world, workspace_id)
    return found


def land(world: World, *events: SentEvent, workspace_id: str | None = None) -> list[str]:
    """Accept events and land them, and no more."""
    scope = Scope("metering", workspace_id or world.workspace_id)
    found = ingest.accept(scope, events)
    landing.land(queued())
    return found


def settle(world: World, workspace_id: str | None = None) -> int:
    """Settle all that waits in the workspace's shard; returns how many settlements that took."""
    return settling.settle(meters_store.shard_of(workspace_id or world.workspace_id))


def queued() -> list[landing.Accepted]:
    """What waits in the queue, taken off it."""
    details = [json.loads(body)["detail"] for body in cloud.queued(ingest.QUEUE)]
    return [landing.accepted(one["workspace_id"], UsageAccepted.model_validate(one["data"])) for one in details]
