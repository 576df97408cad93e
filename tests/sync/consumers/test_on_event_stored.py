"""Stored webhooks reach the analytical store, once each in effect, and wait while it is away."""

import json
from collections.abc import Iterator

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap as kernel_olap
from oppulence.kernel.events import Envelope
from oppulence.sync.stripe_events import read
from tests.support import olap, stripe
from tests.support.world import World

CONSUMER = "sync.consumers.on_event_stored"
BODIES = stripe.corpus()[:60]


@pytest.fixture(scope="module")
def engine() -> Iterator[ClickHouse]:
    with olap.server() as server:
        yield server


@pytest.fixture
def announced(engine: ClickHouse, world: World, monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    olap.use(engine, monkeypatch)
    stripe.mirror(world, BODIES)
    return [one for one in world.envelopes() if one.type == "sync.event.stored"]


def rows(world: World) -> list[tuple[str, str, str]]:
    query = "SELECT event_id, event_type, data FROM workspace_events(ws = {ws:String})"
    return [(str(a), str(b), str(c)) for a, b, c in kernel_olap.query(query, {"ws": world.workspace_id})]


def test_every_event_is_copied_once_whatever_is_delivered_again(world: World, announced: list[Envelope]) -> None:
    for _ in range(2):
        assert world.deliver(CONSUMER, *announced) == []
    found = {event_id: (kind, json.loads(data)) for event_id, kind, data in rows(world)}
    assert found == {event.id: (event.type, event.object) for event in map(read, BODIES)}
    assert len(rows(world)) == len(BODIES)


def test_another_workspace_sees_none_of_them(world: World, announced: list[Envelope]) -> None:
    world.deliver(CONSUMER, *announced)
    assert kernel_olap.query("SELECT count() FROM workspace_events(ws = {ws:String})", {"ws": world.workspace()}) == [(0,)]


def test_while_the_store_is_away_the_announcement_goes_back_to_its_queue(
    world: World, announced: list[Envelope], engine: ClickHouse
) -> None:
    engine.stop()
    try:
        assert len(world.deliver(CONSUMER, *announced)) == len(announced)
    finally:
        engine.start()
    assert world.deliver(CONSUMER, *announced) == []
    assert len(rows(world)) == len(BODIES)


def test_without_an_analytical_store_the_platform_runs(
    world: World, announced: list[Envelope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLICKHOUSE_URL")
    assert world.deliver(CONSUMER, *announced) == []
