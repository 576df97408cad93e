"""Where the database pauses nothing keeps it awake: no connection, and no clock ten minutes after the last write from outside."""

import time
from typing import Any

import pytest

from infra.discovery import INBOUND_TYPES
from oppulence.kernel import aws, db, pausing
from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.declarations import Entry
from oppulence.kernel.events import Event
from oppulence.kernel.http import Model, route
from oppulence.kernel.schedules import schedule
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.kernel.support import CONTEXT, Happened, away, call, counted, key_of
from tests.support.entries import envelope, queue_batch
from tests.support.world import World

ran: list[str] = []


class WebhookCame(Event, type="connections.webhook.tested", version=1):
    """What a provider told us, as far as this test goes."""


class Input(Model):
    workspace_id: str


class Done(Model):
    open: int


@schedule("1 minute", uses=(Postgres(CONTEXT), Bus(CONTEXT)))
def tick(scope: Scope) -> str:
    ran.append("tick")
    in_transaction(scope, lambda uow: uow.conn.execute("SELECT pg_current_xact_id()"))  # as any write does
    return "ticked"


@route("POST", "/tests/pausing", scope="admin:*", uses=(Postgres(CONTEXT), Bus(CONTEXT)))
def write(uow: UnitOfWork) -> Done:
    uow.emit(Happened(thing_id="1"))
    return Done(open=len(db._connections))


@route("GET", "/tests/pausing", scope="admin:*", uses=(Postgres(CONTEXT),))
def read(uow: UnitOfWork) -> Done:
    return Done(open=len(db._connections))


@task(uses=(Postgres(CONTEXT), Bus(CONTEXT)))
def step(uow: UnitOfWork, input: Input) -> None:  # noqa: A002
    uow.emit(Happened(thing_id="1"))


@consumer(WebhookCame, uses=(Postgres(CONTEXT),))
def on_webhook(uow: UnitOfWork, event: WebhookCame) -> None:
    """The inbox row is its write."""


@consumer(Happened, uses=(Postgres(CONTEXT),))
def on_fact(uow: UnitOfWork, event: Happened) -> None:
    """Likewise."""


@pytest.fixture
def pauses(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("PAUSE_TABLE", "limits")
    aws.client("dynamodb").delete_item(TableName="limits", Key={"id": {"S": pausing.MARK}})
    ran.clear()
    return world


def mark() -> dict[str, Any] | None:
    item: dict[str, Any] | None = aws.client("dynamodb").get_item(TableName="limits", Key={"id": {"S": pausing.MARK}}).get("Item")
    return item


def test_after_every_invocation_the_connections_are_closed(pauses: World) -> None:
    key = key_of(pauses)
    for entry in (write, read):
        assert call(entry, key).body["open"] > 0
        assert not db._connections
    step({"workspace_id": pauses.workspace_id}, None)
    assert not db._connections


def test_elsewhere_connections_stay_open_and_no_mark_is_left(world: World) -> None:
    aws.client("dynamodb").delete_item(TableName="limits", Key={"id": {"S": pausing.MARK}})
    assert call(write, key_of(world)).status == 200
    assert CONTEXT in db._connections and mark() is None
    with counted("dynamodb", "GetItem") as asked:
        tick({}, None)
    assert asked == []


def test_clocks_rest_until_somebody_writes_and_again_ten_minutes_later(pauses: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of(pauses)
    tick({}, None)
    call(read, key)
    tick({}, None)
    assert ran == [], "reading needs no sweeper"
    call(write, key)
    tick({}, None)
    assert ran == ["tick"]
    later = time.time() + pausing.AWAKE_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    tick({}, None)
    assert ran == ["tick"], "its own write has not kept it awake"


def deliver(world: World, entry: Entry, event: Event) -> None:
    assert entry(queue_batch(envelope(world.workspace_id, event)), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("happens", ["task", "webhook"])
def test_machines_and_providers_come_from_outside_as_well(pauses: World, happens: str) -> None:
    if happens == "task":
        step({"workspace_id": pauses.workspace_id}, None)
    else:
        deliver(pauses, on_webhook, WebhookCame())
    assert mark() is not None


def test_what_follows_from_a_fact_keeps_nothing_awake(pauses: World) -> None:
    deliver(pauses, on_fact, Happened(thing_id="1"))
    assert mark() is None
    assert pausing.FROM_OUTSIDE == INBOUND_TYPES


def test_an_answer_stands_though_its_mark_cannot_be_left(pauses: World) -> None:
    key = key_of(pauses)
    with away("dynamodb", "PutItem") as tried:
        assert call(write, key).status == 200
    assert tried and mark() is None
