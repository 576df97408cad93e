"""Asking Stripe whether a connection's key is good."""

from infra.local.stripe.fake import FakeStripe
from tests.connections.support import ALL_PERMISSIONS, SECRET, connect, connect_by_key
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


def test_a_revoked_key_needs_reauth_and_webhooks_still_come_in(api: Api, world: World, fake_stripe: FakeStripe) -> None:
    made = connect(api, api_key=(key := fake_stripe.restricted_key(*ALL_PERMISSIONS)))
    url = f"/v1/connections/{made['id']}"
    assert api.as_key().post(f"{url}/check").body == api.as_key().get(url).body == made
    fake_stripe.revoke(key)
    answer = api.as_key().post(f"{url}/check")
    assert (answer.status, answer.body["status"]) == (200, "needs_reauth") and "revoked" in answer.body["status_reason"]
    body = stripe.corpus()[0]
    signed = api.with_headers(Stripe_Signature=stripe.signature(body, SECRET))
    assert signed.send("POST", f"/v1/webhooks/stripe/{made['id']}", body).status == 200


def test_a_key_that_lost_a_permission_says_which_and_recovers(api: Api, fake_stripe: FakeStripe) -> None:
    made = connect(api, api_key=(key := fake_stripe.restricted_key(*ALL_PERMISSIONS)))
    url = f"/v1/connections/{made['id']}/check"
    refused = "The provided key 'rk_test_*' lacks it. Having the 'rak_invoice_read' permission would allow this request."
    fake_stripe.fail_next(path="/v1/invoices", status=403, message=refused)
    assert "Invoices (read)" in api.as_key().post(url).body["status_reason"]
    assert api.as_key().post(url).body["status"] == "active"
    assert key not in str(made)


def test_while_stripe_is_down_nothing_is_known(api: Api, fake_stripe: FakeStripe) -> None:
    made = connect_by_key(api)
    fake_stripe.fail_next(status=503)
    assert api.as_key().post(f"/v1/connections/{made['id']}/check").status == 503
    assert api.as_key().get(f"/v1/connections/{made['id']}").body["status"] == "active"


def test_without_a_key_there_is_nothing_to_ask_with(api: Api) -> None:
    answer = api.as_key().post(f"/v1/connections/{connect(api)['id']}/check")
    assert (answer.status, answer.error.code) == (409, "connection_has_no_key")


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["connections:read"]).post(f"/v1/connections/{connect(api)['id']}/check").status == 403


def test_another_workspaces_connection_is_not_found(api: Api, world: World) -> None:
    made = connect(api)
    assert api.as_key(workspace_id=world.workspace()).post(f"/v1/connections/{made['id']}/check").status == 404
