"""Stripe's door: what is signed is safe with us before the answer, and nothing else comes in."""

import json
import time
from collections.abc import Callable
from datetime import datetime

import pytest
import stripe as stripe_sdk

from oppulence.kernel import crypto, db, environment, inbound
from oppulence.kernel.aws import client
from tests.connections.support import SECRET, connect
from tests.support import cloud, stripe
from tests.support.api import Answer, Api
from tests.support.world import World

BODY = stripe.corpus()[0]


@pytest.fixture
def url(api: Api) -> str:
    path = f"/v1/webhooks/stripe/{connect(api)['id']}"
    cloud.forget_events()
    return path


def send(api: Api, url: str, body: bytes, header: str | None) -> Answer:
    return (api.with_headers(Stripe_Signature=header) if header else api).send("POST", url, body)


def test_a_signed_webhook_is_on_the_inbound_bus_when_it_is_answered(api: Api, world: World, url: str) -> None:
    answer = send(api, url, BODY, stripe.signature(BODY, SECRET))
    assert (answer.status, answer.body) == (200, {"received": True, "event_id": json.loads(BODY)["id"]})
    (envelope,) = world.envelopes(bus="inbound")
    ring = db.read("sync", lambda conn: crypto.keyring(conn, world.workspace_id))
    assert inbound.open_body(ring, envelope.data["sealed_body"], None) == BODY
    assert BODY[:40].decode() not in str(envelope.data)


def test_the_time_of_the_signature_goes_with_it(api: Api, world: World, url: str) -> None:
    at = int(time.time()) - 7
    assert send(api, url, BODY, stripe.signature(BODY, SECRET, at=at)).status == 200
    (envelope,) = world.envelopes(bus="inbound")
    assert datetime.fromisoformat(envelope.data["signed_at"]).timestamp() == at


@pytest.mark.parametrize("text", ["half a pair \ud83d", "nul \x00"])
def test_text_that_some_readers_refuse_comes_through(api: Api, world: World, url: str, text: str) -> None:
    body = json.dumps(json.loads(BODY) | {"note": text}).encode()
    assert send(api, url, body, stripe.signature(body, SECRET)).status == 200
    (envelope,) = world.envelopes(bus="inbound")
    ring = db.read("sync", lambda conn: crypto.keyring(conn, world.workspace_id))
    assert inbound.open_body(ring, envelope.data["sealed_body"], None) == body


def test_the_sdks_own_header_is_accepted(api: Api, url: str) -> None:
    header = stripe_sdk.WebhookSignature.generate_signature_header(BODY.decode(), SECRET)
    assert send(api, url, BODY, header).status == 200


@pytest.mark.parametrize(
    "make_header",
    [
        lambda: None,
        lambda: "nonsense",
        lambda: "t=abc,v1=00",
        lambda: "v1=00",
        lambda: "t=1,t=2,v1=00",
        lambda: stripe.signature(BODY, "whsec_of_somebody_else"),
        lambda: stripe.signature(BODY + b" ", SECRET),
        lambda: stripe.signature(BODY, SECRET, at=int(time.time()) - 400),
        lambda: stripe.signature(BODY, SECRET, at=int(time.time()) + 400),
        lambda: "t=1," + ",".join(["v1=00"] * 50),
    ],
)
def test_a_wrong_or_stale_signature_leaves_nothing_behind(
    api: Api, world: World, url: str, make_header: Callable[[], str | None]
) -> None:
    header = make_header()  # not when tests are collected: what is too old or too new depends on now
    answer = send(api, url, BODY, header)
    assert (answer.status, answer.error.code) == (400, "invalid_signature")
    assert world.emitted(bus="inbound") == []


def test_one_right_signature_among_wrong_ones_is_enough(api: Api, url: str) -> None:
    right = stripe.signature(BODY, SECRET)
    assert send(api, url, BODY, right.replace("v1=", f"v1={'0' * 64},v1=")).status == 200


def test_a_large_body_travels_by_way_of_s3_exactly(api: Api, world: World, url: str) -> None:
    document = json.loads(BODY)
    document["data"]["object"]["padding"] = "x" * 1_400_000
    large = json.dumps(document).encode()
    assert send(api, url, large, stripe.signature(large, SECRET)).status == 200
    (envelope,) = world.envelopes(bus="inbound")
    ring = db.read("sync", lambda conn: crypto.keyring(conn, world.workspace_id))
    assert envelope.data["sealed_body"] is None and inbound.open_body(ring, None, envelope.data["s3_key"]) == large


def test_a_body_over_the_limit_is_refused(api: Api, url: str) -> None:
    large = b"x" * 1_500_001
    assert (answer := send(api, url, large, stripe.signature(large, SECRET))).status == 413
    assert answer.error.code == "payload_too_large"


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"id": 7}', b"", b'{"id": "' + b"x" * 300 + b'"}'])
def test_a_signed_body_that_is_no_event_is_refused(api: Api, world: World, url: str, body: bytes) -> None:
    answer = send(api, url, body, stripe.signature(body, SECRET))
    assert (answer.status, answer.error.code) == (400, "invalid_webhook")
    assert world.emitted(bus="inbound") == []


def test_a_type_nobody_knows_is_accepted(api: Api, url: str) -> None:
    body = json.dumps(json.loads(BODY) | {"type": "robot.assembled"}).encode()
    assert send(api, url, body, stripe.signature(body, SECRET)).status == 200


def test_an_unknown_connection_is_not_found(api: Api) -> None:
    answer = send(api, "/v1/webhooks/stripe/conn_00000000000000000000", BODY, stripe.signature(BODY, SECRET))
    assert (answer.status, answer.error.code) == (404, "connection_not_found")


def test_another_workspaces_secret_does_not_open_this_door(api: Api, world: World, url: str) -> None:
    foreign = "whsec_of_another_workspace_entirely"
    other = api.as_key(workspace_id=world.workspace())
    assert other.post("/v1/connections", {"provider": "stripe", "webhook_secrets": [foreign]}).status == 201
    assert send(api, url, BODY, stripe.signature(BODY, foreign)).status == 400


def test_a_bus_that_takes_nothing_is_answered_503_so_that_stripe_sends_again(
    api: Api, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOUND_BUS", "no-such-bus")
    answer = send(api, url, BODY, stripe.signature(BODY, SECRET))
    assert (answer.status, answer.error.code) == (503, "temporarily_unavailable") and answer.headers["Retry-After"]


def test_the_door_opens_while_postgresql_is_away(api: Api, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db.close_all()
    crypto.forget_all()
    monkeypatch.setenv("PG_PORT", "1")
    assert send(api, url, BODY, stripe.signature(BODY, SECRET)).status == 200


def test_the_secrets_in_the_doors_table_are_sealed(api: Api, url: str) -> None:
    stored = client("dynamodb").scan(TableName=environment.required("CONNECTIONS_TABLE"))["Items"]
    assert SECRET not in str(stored)
