"""Usage events of tests on their way: accepted, landed and settled. Needs the fixture `store`."""

import json
from datetime import datetime
from typing import Any

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.metering import archive_gateway, batches, ingest, landing, settlements, settling
from oppulence.metering import store as meters_store
from oppulence.metering.events import UsageAccepted
from oppulence.metering.usage_event import SentEvent, UsageEvent
from tests.metering.rules import NOON
from tests.metering.support import CALLS
from tests.support import cloud
from tests.support.api import Api
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
    found = accept(world, *events, workspace_id=workspace_id)
    landing.land(queued())
    return found


def settle(world: World, workspace_id: str | None = None) -> int:
    """Settle all that waits in the workspace's shard; returns how many settlements that took."""
    return settling.settle(meters_store.shard_of(workspace_id or world.workspace_id))


def queued() -> list[landing.Accepted]:
    """What waits in the queue, taken off it."""
    details = [json.loads(body)["detail"] for body in cloud.queued(ingest.QUEUE)]
    return [landing.accepted(one["workspace_id"], UsageAccepted.model_validate(one["data"])) for one in details]


def events_of(accepted: landing.Accepted) -> list[UsageEvent]:
    """The events of a batch, each at its place."""
    batch = batches.parse(accepted.text)
    return [UsageEvent(*one, batch.stored_at, n) for n, one in enumerate(batch.events, batch.first)]


TABLES = {
    "usage_events": "settlement, type, time, source, id, subject, data, sequence",
    "usage_values": "settlement, meter, version, subject, time, source, id, sequence, number, text, groups",
    "usage_rejections": "settlement, time, source, id, meter, version, problem",
    "usage_ids": "settlement, id_hash",
}


def rows(world: World, table: str, columns: str, workspace_id: str | None = None) -> list[tuple[Any, ...]]:
    """Rows of a workspace, in order."""
    where = {"ws": workspace_id or world.workspace_id}
    found = olap.query(f"SELECT {columns} FROM {table} WHERE workspace_id = {{ws:String}} ORDER BY ALL", where)
    return [tuple(row) for row in found]


def everything(world: World, workspace_id: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All that is settled of a workspace; meters by their slugs, settlements by which of its own they are."""
    workspace = workspace_id or world.workspace_id
    slugs: dict[str, str] = dict(
        world.admin.execute("SELECT id, slug FROM metering.meters WHERE workspace_id = %s", (workspace,)).fetchall()
    )
    found = {table: rows(world, table, columns, workspace) for table, columns in TABLES.items()}
    numbers = sorted({row[0] for table in found.values() for row in table})
    nth = {number: n for n, number in enumerate(numbers)}
    return {
        table: [(nth[row[0]], *(slugs.get(one, one) if isinstance(one, str) else one for one in row[1:])) for row in of_table]
        for table, of_table in found.items()
    }  # fmt: skip


def accept(world: World, *events: SentEvent, workspace_id: str | None = None) -> list[str]:
    """Accept events, and no more."""
    return ingest.accept(Scope("metering", workspace_id or world.workspace_id), events)


def intend(lease: settling.Lease) -> settlements.Intent:
    """The settlement that is due, written down."""
    found = in_transaction(
        Scope("metering", None), lambda uow: settlements.intend(uow.conn, lease.shard, settling.MOST_EVENTS, settling.MOST_BYTES)
    )
    assert found is not None
    return found


def neighbour(world: World, workspace_id: str | None = None) -> str:
    """Another workspace of the same shard."""
    shard = meters_store.shard_of(workspace_id or world.workspace_id)
    while meters_store.shard_of(found := world.workspace()) != shard:
        pass
    return found


def make_in(api: Api, workspace_id: str, **fields: Any) -> dict[str, Any]:
    """A new meter of a workspace; one that counts calls, but for these fields."""
    answer = api.as_key(workspace_id=workspace_id).post("/v1/meters", CALLS | fields)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def meter(api: Api, id_: str) -> dict[str, Any]:
    """A meter as it is now."""
    body: dict[str, Any] = api.as_key().get(f"/v1/meters/{id_}").body
    return body


def behind(world: World) -> bool:
    """Whether a meter of the workspace waits for a fill."""
    found = world.admin.execute(
        "SELECT count(*) FROM metering.meter_versions WHERE workspace_id = %s AND (filled IS NULL OR filled_to < filled)",
        (world.workspace_id,),
    ).fetchone()
    return found != (0,)


def address_of(engine: ClickHouse) -> str:
    """An engine's URL."""
    return f"http://{engine.username}:{engine.password}@{engine.host}:{engine.port}"


def archived(world: World, workspace_id: str | None = None) -> list[bytes]:
    """The texts of all batches in a workspace's archive."""
    return [text for key in archive_gateway.keys(workspace_id or world.workspace_id) for text in archive_gateway.read(key)]


def waiting(world: World) -> list[settlements.Waiting]:
    """What waits in the workspace's shard."""
    found = in_transaction(Scope("metering", None), lambda uow: settlements.waiting(uow.conn))
    return [one for one in found if one.shard == meters_store.shard_of(world.workspace_id)]


def nothing_waits(world: World) -> None:
    """Drop what waits in any shard: batches, fills, settlements that nobody finished, and leases."""
    for statement in (
        "DELETE FROM metering.batches WHERE settlement IS NULL",
        "UPDATE metering.meter_versions SET filled = 0, filled_to = 0 WHERE filled IS NULL OR filled_to < filled",
        "UPDATE metering.settlements SET settled_at = now() WHERE settled_at IS NULL",
        "UPDATE metering.shards SET holder = NULL, held_until = '-infinity', rebuilding = NULL",
    ):
        world.admin.execute(statement)


def elsewhere(world: World) -> str:
    """A workspace of another shard."""
    shard = meters_store.shard_of(world.workspace_id)
    while meters_store.shard_of(found := world.workspace()) == shard:
        pass
    return found
