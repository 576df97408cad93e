"""Reading one connection."""

from tests.connections.support import connect
from tests.support.api import Api
from tests.support.world import World


def test_a_connection_is_shown_as_it_was_made(api: Api) -> None:
    made = connect(api)
    assert api.as_key(["connections:read"]).get(f"/v1/connections/{made['id']}").body == made


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["sync:read"]).get(f"/v1/connections/{connect(api)['id']}").status == 403


def test_another_workspaces_connection_does_not_exist(api: Api, world: World) -> None:
    made = connect(api)
    answer = api.as_key(workspace_id=world.workspace()).get(f"/v1/connections/{made['id']}")
    assert (answer.status, answer.error.code) == (404, "connection_not_found")
