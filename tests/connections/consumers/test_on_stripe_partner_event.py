"""Stripe's EventBridge source: its events go the way of webhooks."""

import json
from typing import Any

import pytest

from oppulence.kernel import crypto, db, inbound
from oppulence.kernel.ids import random_text
from tests.connections.support import connect
from tests.support import cloud, stripe
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World

CONSUMER = "connections.consumers.on_stripe_partner_event"
EVENT = json.loads(stripe.corpus()[0])


@pytest.fixture
def source(api: Api) -> str:
    """The name of a source that a connection has."""
    name = f"aws.partner/stripe.com/ed_test_{random_text(12)}"
    answer = api.as_key().post("/v1/connections", {"provider": "stripe", "partner_event_source": name})
    assert answer.status == 201, answer.body
    cloud.dead_letters()
    cloud.forget_events()
    return name


def deliver(source: str, *details: Any) -> list[str]:
    """What EventBridge puts on the queue; returns the ids of messages that go back."""
    records = []
    for number, detail in enumerate(details):
        body = {
            "version": "0", "id": f"0000-{number}", "detail-type": "customer.created", "source": source, "account": "1",
            "time": "2026-01-31T12:00:00Z", "resources": [source], "detail": detail,
        }  # fmt: skip
        records.append({"messageId": f"m-{number}", "receiptHandle": "r", "body": json.dumps(body), "attributes": {}})
    result = entry(CONSUMER)({"Records": records}, None)
    return [one["itemIdentifier"] for one in result["batchItemFailures"]]


def test_an_event_is_on_the_inbound_bus_as_a_webhook_would_be(world: World, source: str) -> None:
    assert deliver(source, EVENT) == []
    (envelope,) = world.envelopes(bus="inbound")
    assert (envelope.type, envelope.data["via"]) == ("connections.webhook.received", "partner")
    assert (envelope.data["provider_event_id"], envelope.data["signed_at"]) == (EVENT["id"], None)
    ring = db.read("sync", lambda conn: crypto.keyring(conn, world.workspace_id))
    assert json.loads(inbound.open_body(ring, envelope.data["sealed_body"], None)) == EVENT


def test_the_mirror_takes_it_once_beside_its_webhook(api: Api, world: World, source: str) -> None:
    stripe.mirror(world, [stripe.corpus()[0]])
    deliver(source, EVENT, EVENT)
    for envelope in world.envelopes(bus="inbound"):
        assert world.deliver("sync.consumers.on_webhook_received", envelope) == []
    row = world.admin.execute(
        "SELECT count(*), bool_and(exact) FROM sync.raw_events WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row == (1, True)


def test_a_source_that_nobody_named_is_dead_with_its_reason(world: World, source: str) -> None:
    assert deliver("aws.partner/stripe.com/ed_of_nobody", EVENT) == []
    (dead,) = cloud.dead_letters()
    assert "partner_event_source" in dead["MessageAttributes"]["reason"]["StringValue"]
    assert world.emitted(bus="inbound") == []


def test_a_removed_connections_source_is_nobodys(api: Api, world: World, source: str) -> None:
    (made,) = [one for one in api.as_key().get("/v1/connections").body["data"] if one["partner_event_source"] == source]
    api.as_key().delete(f"/v1/connections/{made['id']}")
    assert deliver(source, EVENT) == [] and len(cloud.dead_letters()) == 1


@pytest.mark.parametrize("detail", [{}, {"id": 7}, {"id": ""}, [], None])
def test_what_is_no_event_stands_alone(world: World, source: str, detail: Any) -> None:
    assert deliver(source, EVENT, detail) == []
    assert len(cloud.dead_letters()) == 1
    assert "connections.webhook.received.v1" in world.emitted(bus="inbound")


def test_a_bus_that_takes_nothing_returns_the_batch(world: World, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOUND_BUS", "no-such-bus")
    assert deliver(source, EVENT, EVENT) == ["m-0", "m-1"]


def test_while_postgresql_is_away_the_batch_comes_back(world: World, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db.close_all()
    monkeypatch.setenv("PG_PORT", "1")
    assert deliver(source, EVENT) == ["m-0"] and cloud.dead_letters() == []


def test_another_connection_is_not_asked(api: Api, world: World, source: str) -> None:
    other = connect(api)
    deliver(source, EVENT)
    (envelope,) = world.envelopes(bus="inbound")
    assert envelope.data["connection_id"] != other["id"]
