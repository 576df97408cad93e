"""Replacing the endpoint at Stripe, and with it its secret."""

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.connections import endpoints, stripe_door
from oppulence.kernel import db
from tests.connections.http.test_create_connection import arrives, died, secret_of
from tests.connections.support import SECRET, connect, connect_by_key, stored
from tests.connections.support import endpoints as endpoints_of
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


def test_the_new_secret_opens_the_door_and_the_old_one_does_not(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api, connect=True)
    old = secret_of(world, made["id"])
    answer = api.as_key().post(f"/v1/connections/{made['id']}/rotate_webhook_secret")
    assert answer.status == 200 and not set(answer.body["webhook_endpoints"]) & set(made["webhook_endpoints"])
    assert {one.id for one in endpoints_of(fake_stripe)} == set(answer.body["webhook_endpoints"])
    stripe.forget_doors()
    assert [arrives(api, made, secret).status for secret in (old, secret_of(world, made["id"]))] == [400, 200]


def test_both_secrets_are_valid_until_the_old_endpoint_is_gone(
    api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect_by_key(api)
    old, url = secret_of(world, made["id"]), f"/v1/connections/{made['id']}/rotate_webhook_secret"
    monkeypatch.setattr(stripe_door, "REREAD_S", 0.0)
    fake_stripe.fail_next(method="DELETE", status=500)
    assert api.as_key().post(url).status == 503
    assert [arrives(api, made, secret).status for secret in (old, secret_of(world, made["id"]))] == [200, 200]
    (new,) = {one.id for one in endpoints_of(fake_stripe)} - set(made["webhook_endpoints"])
    again = api.as_key().post(url)
    assert (again.status, again.body["webhook_endpoints"]) == (200, [new])
    assert [one.id for one in endpoints_of(fake_stripe)] == [new]


def test_a_crash_before_the_result_is_gone_on_with(
    api: Api, world: World, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect_by_key(api)
    url = f"/v1/connections/{made['id']}/rotate_webhook_secret"
    with monkeypatch.context() as patch:
        patch.setattr(endpoints, "_record", died)
        with pytest.raises(SystemExit):
            api.as_key().post(url)
    db.close_all()
    assert len(endpoints_of(fake_stripe)) == 2
    answer = api.as_key().post(url)
    assert [one.id for one in endpoints_of(fake_stripe)] == answer.body["webhook_endpoints"]
    assert stored(world, made["id"])["endpoint_intent_at"] is None


def test_one_made_by_hand_gets_an_endpoint_of_ours_beside_it(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect(api, api_key=KEY)
    answer = api.as_key().post(f"/v1/connections/{made['id']}/rotate_webhook_secret")
    assert len(answer.body["webhook_endpoints"]) == 1
    stripe.forget_doors()
    assert [arrives(api, made, secret).status for secret in (SECRET, secret_of(world, made["id"]))] == [200, 200]
    for secret in ("whsec_another_one_by_hand", "whsec_and_another_one_by_hand"):
        api.as_key().post(f"/v1/connections/{made['id']}/webhook_secrets", {"secret": secret})
    stripe.forget_doors()
    opened = [arrives(api, made, secret).status for secret in (SECRET, "whsec_another_one_by_hand")]
    assert opened == [400, 200] and len(endpoints_of(fake_stripe)) == 1


def test_without_a_key_it_is_refused(api: Api) -> None:
    answer = api.as_key().post(f"/v1/connections/{connect(api)['id']}/rotate_webhook_secret")
    assert (answer.status, answer.error.code) == (409, "connection_has_no_key")


def test_a_key_that_stripe_refuses_rotates_nothing(api: Api, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api)
    fake_stripe.revoke(KEY)
    answer = api.as_key().post(f"/v1/connections/{made['id']}/rotate_webhook_secret")
    assert (answer.status, answer.error.code) == (502, "provider_key_refused")


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    url = f"/v1/connections/{connect(api)['id']}/rotate_webhook_secret"
    assert api.as_key(["connections:read"]).post(url).status == 403


def test_another_workspaces_connection_is_not_found(api: Api, world: World) -> None:
    made = connect(api)
    stranger = api.as_key(workspace_id=world.workspace())
    assert stranger.post(f"/v1/connections/{made['id']}/rotate_webhook_secret").status == 404
