"""POST /v1/sync/replays/{replay_id}/cancel"""

from tests.support.api import Api
from tests.support.world import World
from tests.sync.replaying import PATH, started


def test_it_ends_and_another_may_begin(api: Api) -> None:
    replay_id = started(api, all=True)
    ended = api.as_key(["sync:write"]).post(f"{PATH}/{replay_id}/cancel")
    assert (ended.status, ended.body["status"]) == (200, "cancelled") and ended.body["ended_at"] is not None
    started(api, all=True)
    (entry,) = api.as_key().get("/v1/audit_events", action="replay.cancelled").body["data"]
    assert entry["resource"]["id"] == replay_id


def test_one_that_is_over_is_refused(api: Api) -> None:
    replay_id = started(api, all=True)
    api.as_key().post(f"{PATH}/{replay_id}/cancel")
    refused = api.as_key().post(f"{PATH}/{replay_id}/cancel")
    assert (refused.status, refused.error.code) == (409, "replay_over")


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().post(f"{PATH}/rpl_00000000000000000000/cancel").error.code == "replay_not_found"


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["sync:read"]).post(f"{PATH}/{started(api, all=True)}/cancel").status == 403


def test_another_workspaces_goes_on(api: Api, world: World) -> None:
    replay_id = started(api, all=True)
    assert api.as_key(workspace_id=world.workspace()).post(f"{PATH}/{replay_id}/cancel").status == 404
    assert api.as_key().get(f"{PATH}/{replay_id}").body["status"] == "running"
