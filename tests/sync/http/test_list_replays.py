"""GET /v1/sync/replays"""

from tests.support.api import Api
from tests.support.world import World
from tests.sync.replaying import PATH, started


def several(api: Api) -> list[str]:
    made = []
    for _ in range(3):
        made.append(started(api, all=True))
        api.as_key().post(f"{PATH}/{made[-1]}/cancel")
    return made


def test_the_latest_comes_first_in_pages(api: Api) -> None:
    made = several(api)
    page = api.as_key(["sync:read"]).get(PATH, limit=2).body
    rest = api.as_key(["sync:read"]).get(PATH, limit=2, cursor=page["pagination"]["next_cursor"]).body
    assert [one["id"] for one in page["data"] + rest["data"]] == made[::-1]


def test_a_status_narrows_it(api: Api) -> None:
    made = several(api)
    running = started(api, all=True)
    assert [one["id"] for one in api.as_key().get(PATH, status="running").body["data"]] == [running]
    assert len(api.as_key().get(PATH, status="cancelled").body["data"]) == len(made)


def test_a_bad_cursor_is_refused(api: Api) -> None:
    assert api.as_key().get(PATH, cursor="e30").error.code == "invalid_cursor"


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["sync:write"]).get(PATH).status == 403


def test_another_workspaces_are_not_listed(api: Api, world: World) -> None:
    started(api, all=True)
    assert api.as_key(workspace_id=world.workspace()).get(PATH).body["data"] == []
