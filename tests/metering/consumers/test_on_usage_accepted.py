"""Accepted usage events land, of all workspaces together, and what is due settles at once."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap, queues
from oppulence.metering import ingest, meters, settling, usage_store
from oppulence.metering.events import UsageAccepted
from tests.metering import usage
from tests.metering.faults import gateway
from tests.metering.rules import NOON
from tests.metering.usage import rows, sent
from tests.support import cloud
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World

CONSUMER = "metering.consumers.on_usage_accepted"


def deliver(bodies: list[str]) -> list[str]:
    """Hand queue messages to the consumer; returns those that go back."""
    records: list[dict[str, Any]] = [
        {"messageId": f"m{n}", "receiptHandle": f"r{n}", "body": body, "attributes": {}} for n, body in enumerate(bodies)
    ]
    return [one["itemIdentifier"] for one in entry(CONSUMER)({"Records": records}, None)["batchItemFailures"]]


def test_messages_of_all_workspaces_land_together(store: World, api: Api) -> None:
    usage.make_in(api, store.workspace_id, effective_from=None)
    other = store.workspace()
    usage.accept(store, *(sent(str(n)) for n in range(3)))
    usage.accept(store, sent("0"), workspace_id=other)
    bodies = cloud.queued(ingest.QUEUE)
    assert deliver(bodies + bodies) == []
    assert deliver(bodies) == []
    assert [len(rows(store, "usage_landing", "id", one)) for one in (store.workspace_id, other)] == [3, 1]
    assert (store.count("metering.batches"), store.count("metering.batches", other)) == (1, 1)


def test_what_is_due_settles_at_once(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    usage.make_in(api, store.workspace_id, effective_from=None)
    usage.settle(store)
    usage.accept(store, sent("a"))
    assert deliver(cloud.queued(ingest.QUEUE)) == []
    assert rows(store, "usage_values", "id") == []
    monkeypatch.setattr(settling, "DUE_EVENTS", 2)
    usage.accept(store, sent("b"))
    assert deliver(cloud.queued(ingest.QUEUE)) == []
    assert rows(store, "usage_values", "id") == [("a",), ("b",)]


def test_a_large_batch_comes_by_way_of_its_archived_object(store: World) -> None:
    usage.accept(store, *(sent(str(n), {"text": "x" * 5_000}) for n in range(60)))
    bodies = cloud.queued(ingest.QUEUE)
    assert json.loads(bodies[0])["detail"]["data"]["object_key"]
    assert deliver(bodies) == []
    assert len(rows(store, "usage_landing", "id")) == 60
    assert len(usage.archived(store)) == 1


def test_what_cannot_be_read_is_dead_and_its_neighbours_land(store: World) -> None:
    usage.accept(store, sent("a"))
    foreign = UsageAccepted(batch_id="bat_x", events=1, batch='{"id": "bat_x"}')
    stolen = json.loads(cloud.queued(ingest.QUEUE)[0])
    stolen["detail"]["workspace_id"] = store.workspace()
    usage.accept(store, sent("b"))
    bodies = [queues.message(foreign, store.workspace_id, NOON), json.dumps(stolen), *cloud.queued(ingest.QUEUE)]
    cloud.dead_letters()
    assert deliver(bodies) == []
    assert len(cloud.dead_letters()) == 2
    assert rows(store, "usage_landing", "id") == [("b",)]


def test_events_of_an_erased_workspace_are_dropped(store: World) -> None:
    gone = store.workspace()
    store.within("metering", meters.erase_workspace, workspace_id=gone)
    usage.accept(store, sent("a"), workspace_id=gone)
    assert deliver(cloud.queued(ingest.QUEUE)) == []
    assert rows(store, "usage_landing", "id", gone) == [] and usage.archived(store, gone) == []


def test_while_the_store_is_away_all_messages_come_back(
    store: World, engine: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage.accept(store, sent("a"))
    usage.accept(store, sent("b"))
    bodies = cloud.queued(ingest.QUEUE)
    address = usage.address_of(engine)
    with gateway(HTTPStatus.BAD_GATEWAY) as broken, gateway(HTTPStatus.INTERNAL_SERVER_ERROR) as failing:
        for away in (address.replace(str(engine.port), "9"), "", broken, failing, address.replace(engine.password, "changed")):
            monkeypatch.setenv("CLICKHOUSE_URL", away)
            olap.forget()
            assert deliver(bodies) == ["m0", "m1"]
    assert usage.archived(store) == [] and store.count("metering.batches") == 0
    assert store.count("metering.attempts") == 0, "else they were dead after some more"
    monkeypatch.setenv("CLICKHOUSE_URL", address)
    olap.forget()
    assert deliver(bodies) == []
    assert rows(store, "usage_landing", "id") == [("a",), ("b",)]


def test_a_shard_that_cannot_be_settled_keeps_nothing_from_landing(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "DUE_EVENTS", 1)
    monkeypatch.setattr(usage_store, "STEPS", {"usage_nowhere": "INSERT INTO usage_nowhere SELECT 1"})
    usage.accept(store, sent("a"))
    assert deliver(cloud.queued(ingest.QUEUE)) == []
    monkeypatch.undo()
    assert store.count("metering.batches") == 1


def test_the_archive_holds_what_was_accepted(store: World) -> None:
    usage.accept(store, sent("a", '{"v": 1.10}'))
    usage.accept(store, sent("b", "not json"))
    bodies = cloud.queued(ingest.QUEUE)
    assert deliver(bodies) == []
    texts = [json.loads(body)["detail"]["data"]["batch"] for body in bodies]
    assert usage.archived(store) == [text.encode() for text in texts]
