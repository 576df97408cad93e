"""The platform and a Stripe that answers it: a connection by key, signed webhooks, a payment that is really tried again."""

import json

import pytest

from infra.local import cloud
from infra.local.demo import corpus
from infra.local.demo.live import Live
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def test_the_development_workspace_is_connected_to_the_local_stripe(running: Running) -> None:
    (connection,) = running.platform.get("/v1/connections")["data"]
    assert connection["status"] == "active" and connection["has_api_key"]
    assert connection["provider_account_id"] == running.stripe.client().v1.accounts.retrieve_current().id
    endpoints = running.stripe.client().v1.webhook_endpoints.list().data
    assert {(one.url, one.status) for one in endpoints} == {(connection["webhook_url"], "enabled")}


def test_what_happens_at_stripe_arrives_signed_by_it(running: Running) -> None:
    customer = running.stripe.client().v1.customers.create({"email": "ida@example.com", "name": "Ida"}).to_dict()
    assert running.stripe.settle()
    assert {one["state"] for one in running.stripe.deliveries()} == {"delivered"}
    running.settle()
    mirrored = running.platform.get(f"/v1/sync/objects/customer/{customer['id']}")
    assert mirrored["data"] == customer


def test_webhooks_that_could_not_be_delivered_are_sent_again(running: Running) -> None:
    """The door is away for a while: Stripe keeps the event, and tries again five minutes later."""
    cloud.stop_child("front", running.root)
    try:
        customer = running.stripe.client().v1.customers.create({"email": "eva@example.com"}).id
        running.stripe.settle()
        assert [one["state"] for one in running.stripe.deliveries() if one["state"] != "delivered"] == ["pending"]
    finally:
        cloud.start_child("front", running.root)
    assert running.operator("local", "stripe", "advance", "0.01")["now"]
    assert running.operator("local", "stripe", "real-time")["now"]
    assert set(running.operator("local", "stripe", "status")["webhooks"]) == {"delivered"}
    query = "SELECT count(*) FROM sync.objects WHERE id = %s"
    until("the customer is mirrored", lambda: running.platform.scalar(query, customer) == 1)


def test_a_payment_is_recovered_by_stripes_own_retry(running: Running) -> None:
    live = Live(running.platform, running.clock, running.stripe, lambda _: None)
    try:
        live.run()
        running.settle()
    finally:
        running.clock.reset()
        running.stripe.turn(None)
    assert [figure for figure in live.figures() if not figure.ok] == []
    mirrored = running.platform.get(f"/v1/sync/objects/invoice/{live.invoice}")["data"]
    assert mirrored == json.loads(running.stripe.client().raw_request("get", f"/v1/invoices/{live.invoice}").body)
    known = running.platform.known_events()
    assert {event.id for event in corpus.of_stripe(running.stripe).events} <= known
    assert running.books_balance()
