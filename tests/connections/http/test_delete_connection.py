"""Removing a connection."""

from tests.connections.support import SECRET, connect
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


def test_a_removed_connection_takes_no_more_webhooks(api: Api, world: World) -> None:
    made = connect(api)
    assert api.as_key().delete(f"/v1/connections/{made['id']}").status == 204
    body = stripe.corpus()[0]
    answer = api.with_headers(Stripe_Signature=stripe.signature(body, SECRET)).send(
        "POST", f"/v1/webhooks/stripe/{made['id']}", body
    )
    assert (answer.status, answer.error.code) == (404, "connection_not_found")
    assert world.emitted()[-1] == "connections.connection.deleted.v1"


def test_removing_twice_says_so(api: Api) -> None:
    made = connect(api)
    api.as_key().delete(f"/v1/connections/{made['id']}")
    assert api.as_key().delete(f"/v1/connections/{made['id']}").error.code == "connection_not_found"


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["connections:read"]).delete(f"/v1/connections/{connect(api)['id']}").status == 403


def test_another_workspaces_connection_stays(api: Api, world: World) -> None:
    made = connect(api)
    assert api.as_key(workspace_id=world.workspace()).delete(f"/v1/connections/{made['id']}").status == 404
    assert api.as_key().get(f"/v1/connections/{made['id']}").body["status"] == "active"
