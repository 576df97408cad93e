"""Stripe's door for a workspace: the connection is the one whose secret signed."""

from tests.connections.support import OTHER_SECRET, SECRET, connect
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World

BODY = stripe.corpus()[0]


def test_the_connection_that_signed_is_found(api: Api, world: World) -> None:
    connect(api)
    second = connect(api, webhook_secrets=[OTHER_SECRET])
    headers = {"Stripe-Signature": stripe.signature(BODY, OTHER_SECRET), "X-Workspace-Id": world.workspace_id}
    answer = api.with_headers(**headers).send("POST", "/v1/webhooks/stripe", BODY)
    assert answer.status == 200
    (envelope,) = world.envelopes(bus="inbound")
    assert envelope.data["connection_id"] == second["id"]


def test_another_workspace_in_the_header_does_not_get_the_webhook(api: Api, world: World) -> None:
    connect(api)
    headers = {"Stripe-Signature": stripe.signature(BODY, SECRET), "X-Workspace-Id": world.workspace()}
    answer = api.with_headers(**headers).send("POST", "/v1/webhooks/stripe", BODY)
    assert (answer.status, answer.error.code) == (404, "connection_not_found")


def test_without_a_workspace_there_is_no_connection(api: Api) -> None:
    answer = api.with_headers(Stripe_Signature=stripe.signature(BODY, SECRET)).send("POST", "/v1/webhooks/stripe", BODY)
    assert answer.status == 404
