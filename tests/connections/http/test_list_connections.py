"""Listing connections."""

from tests.connections.support import connect
from tests.support.api import Api
from tests.support.world import World


def test_pages_hold_every_connection_once_newest_first(api: Api) -> None:
    made = [connect(api)["id"] for _ in range(5)]
    caller, found, cursor = api.as_key(["connections:read"]), [], None
    while True:
        page = caller.get("/v1/connections", limit=2, cursor=cursor).body
        found += [one["id"] for one in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        if not page["pagination"]["has_more"]:
            break
    assert sorted(found) == sorted(made) and len(found) == 5


def test_a_cursor_does_not_work_for_other_filters_or_when_changed(api: Api) -> None:
    for _ in range(2):
        connect(api)
    caller = api.as_key()
    cursor = caller.get("/v1/connections", limit=1).body["pagination"]["next_cursor"]
    for query in ({"cursor": cursor, "status": "active"}, {"cursor": cursor[:-2] + "xx"}, {"cursor": "%%%"}):
        answer = caller.get("/v1/connections", **query)
        assert (answer.status, answer.error.code, answer.error.param) == (400, "invalid_cursor", "cursor")


def test_an_empty_workspace_has_an_empty_list(api: Api) -> None:
    assert api.as_key().get("/v1/connections").body == {"data": [], "pagination": {"has_more": False, "next_cursor": None}}


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["ledger:read"]).get("/v1/connections").status == 403


def test_another_workspaces_connections_are_not_listed(api: Api, world: World) -> None:
    connect(api)
    assert api.as_key(workspace_id=world.workspace()).get("/v1/connections").body["data"] == []
