"""Reading one mirrored object."""

from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World

CAPABILITY = next(body for body in stripe.corpus() if read(body).object_type == "capability")


def test_the_last_state_is_shown(api: Api, world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:50])
    shown = read(stripe.corpus()[49])
    answer = api.as_key(["sync:read"]).get(f"/v1/sync/objects/{shown.object_type}/{shown.object_id}")
    assert answer.status == 200 and answer.body["data"] == shown.object


def test_a_connected_accounts_object_is_found_by_its_account(api: Api, world: World) -> None:
    stripe.mirror(world, [CAPABILITY])
    event = read(CAPABILITY)
    path = f"/v1/sync/objects/capability/{event.object_id}"
    assert api.as_key().get(path, account=event.account).body["account"] == event.account
    assert api.as_key().get(path).error.code == "object_not_found"


def test_an_unknown_object_is_not_found(api: Api) -> None:
    answer = api.as_key().get("/v1/sync/objects/invoice/in_nothing")
    assert (answer.status, answer.error.code) == (404, "object_not_found")


def test_a_text_that_no_id_can_be_is_a_clear_error(api: Api) -> None:
    assert api.as_key().get("/v1/sync/objects/invoice/in_%00").status == 400


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["connections:read"]).get("/v1/sync/objects/invoice/in_1").status == 403


def test_another_workspaces_object_does_not_exist(api: Api, world: World) -> None:
    stripe.mirror(world, stripe.corpus()[:1])
    event = read(stripe.corpus()[0])
    path = f"/v1/sync/objects/{event.object_type}/{event.object_id}"
    assert api.as_key().get(path).status == 200
    assert api.as_key(workspace_id=world.workspace()).get(path).status == 404
