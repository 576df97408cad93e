"""GET /v1/usage_exports"""

from tests.metering.exporting import PATH, ask, run
from tests.support.api import Api
from tests.support.world import World


def test_pages_hold_each_export_once_the_latest_first(api: Api) -> None:
    made = [ask(api)["id"] for _ in range(5)]
    found: list[str] = []
    cursor = None
    while True:
        page = api.as_key(["usage:read"]).get(PATH, limit=2, cursor=cursor)
        assert page.status == 200
        found += [one["id"] for one in page.body["data"]]
        cursor = page.body["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


def test_filters(store: World, api: Api) -> None:
    events, windows, schedule = ask(api), ask(api, kind="windows"), ask(api, schedule="day")
    run(store)

    def ids(**query: str) -> set[str]:
        rows = api.as_key().get(PATH, **query).body["data"]
        assert all("files" not in row and row["from"] is not None or row["schedule"] for row in rows)
        return {one["id"] for one in rows}

    assert ids(status="scheduled") == {schedule["id"]} and ids(kind="windows") == {windows["id"]}
    assert ids(status="completed") == {events["id"], windows["id"]} and ids(schedule_id=schedule["id"]) == set()


def test_a_key_without_the_scope_gets_403_and_another_workspace_nothing(api: Api, world: World) -> None:
    ask(api)
    assert api.as_key(["usage:write"]).get(PATH).status == 403
    assert api.as_key(workspace_id=world.workspace()).get(PATH).body["data"] == []
    assert api.as_key().get(PATH, cursor="none").error.code == "invalid_cursor"
