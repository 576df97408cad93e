"""GET /v1/sync/replays/{replay_id}"""

from tests.support.api import Api
from tests.support.world import World
from tests.sync.replaying import PATH, started


def test_it_shows_its_selection_and_progress(api: Api) -> None:
    replay_id = started(api, type="invoice.paid", received_since="2026-01-01T00:00:00Z")
    found = api.as_key(["sync:read"]).get(f"{PATH}/{replay_id}").body
    assert (found["id"], found["status"], found["events_done"], found["ended_at"]) == (replay_id, "running", 0, None)
    assert (found["selection"]["type"], found["selection"]["received_since"]) == ("invoice.paid", "2026-01-01T00:00:00Z")
    assert found["requested_by"].startswith("key_")


def test_an_unknown_one_is_not_found(api: Api) -> None:
    assert api.as_key().get(f"{PATH}/rpl_00000000000000000000").error.code == "replay_not_found"


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["sync:write"]).get(f"{PATH}/{started(api, all=True)}").status == 403


def test_another_workspaces_is_not_found(api: Api, world: World) -> None:
    assert api.as_key(workspace_id=world.workspace()).get(f"{PATH}/{started(api, all=True)}").status == 404
