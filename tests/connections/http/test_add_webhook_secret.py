"""Rotating a signing secret without losing a webhook."""

import pytest

from oppulence.connections import stripe_door
from tests.connections.support import OTHER_SECRET, SECRET, connect
from tests.support import stripe
from tests.support.api import Answer, Api
from tests.support.world import World


def send(api: Api, connection_id: str, secret: str) -> Answer:
    body = stripe.corpus()[0]
    return api.with_headers(Stripe_Signature=stripe.signature(body, secret)).send(
        "POST", f"/v1/webhooks/stripe/{connection_id}", body
    )


def test_both_secrets_are_valid_and_a_third_ends_the_first(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = connect(api)
    url = f"/v1/connections/{made['id']}/webhook_secrets"
    assert send(api, made["id"], OTHER_SECRET).error.code == "invalid_signature"
    assert api.as_key().post(url, {"secret": OTHER_SECRET}).status == 201
    monkeypatch.setattr(stripe_door, "REREAD_S", 0.0)
    assert [send(api, made["id"], secret).status for secret in (SECRET, OTHER_SECRET)] == [200, 200]
    api.as_key().post(url, {"secret": "whsec_the_third_secret_of_them"})
    stripe.forget_doors()
    assert [send(api, made["id"], secret).status for secret in (SECRET, OTHER_SECRET)] == [400, 200]


def test_a_secret_that_is_valid_already_is_refused(api: Api) -> None:
    made = connect(api)
    answer = api.as_key().post(f"/v1/connections/{made['id']}/webhook_secrets", {"secret": SECRET})
    assert (answer.status, answer.error.code) == (409, "webhook_secret_in_use")


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    made = connect(api)
    answer = api.as_key(["connections:read"]).post(f"/v1/connections/{made['id']}/webhook_secrets", {"secret": OTHER_SECRET})
    assert answer.status == 403


def test_another_workspace_cannot_add_one(api: Api, world: World) -> None:
    made = connect(api)
    caller = api.as_key(workspace_id=world.workspace())
    assert caller.post(f"/v1/connections/{made['id']}/webhook_secrets", {"secret": OTHER_SECRET}).status == 404
