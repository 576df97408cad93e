"""One event by its id."""

from tests.metering import usage
from tests.metering.rules import NOON
from tests.support.api import Api
from tests.support.world import World


def test_an_event_is_found_by_its_id_and_source(api: Api, store: World) -> None:
    usage.take(store, usage.sent("a/b c%2F%", {"v": 1}, NOON), usage.sent("1", {"v": 2}, NOON))
    usage.land(store, usage.sent("1", {"v": 3}, NOON, source="other"), usage.sent("2", None, NOON))
    caller = api.as_key(["usage:read"])
    assert caller.get("/v1/events/a%2Fb%20c%252F%25").body["data"] == '{"v": 1}'
    assert caller.get("/v1/events/2").body["settlement"] is None
    assert (caller.get("/v1/events/1").status, caller.get("/v1/events/1").error.param) == (404, "source")
    assert caller.get("/v1/events/1", source="other").body["data"] == '{"v": 3}'


def test_it_takes_the_scope_and_the_workspaces_own_event(api: Api, store: World) -> None:
    usage.take(store, usage.sent("1", {"v": 2}, NOON))
    assert api.as_key(["usage:write"]).get("/v1/events/1").status == 403
    assert api.as_key(workspace_id=store.workspace()).get("/v1/events/1").error.code == "usage_event_not_found"
