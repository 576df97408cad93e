"""GET /v1/meters"""

from tests.metering.support import make, use
from tests.support.api import Api
from tests.support.world import World


def test_meters_are_listed_the_newest_first_by_pages(api: Api) -> None:
    ids = [make(api, slug=f"calls_{n}")["id"] for n in range(5)]
    caller = api.as_key(["meters:read"])
    first = caller.get("/v1/meters", limit=3).body
    second = caller.get("/v1/meters", limit=3, cursor=first["pagination"]["next_cursor"]).body
    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["pagination"] == {"has_more": False, "next_cursor": None}


def test_filters(api: Api, world: World) -> None:
    made = make(api)
    make(api, slug="sum", aggregation="SUM", value_property="$.v")
    make(api, slug="other", event_type="other")

    def slugs(**query: str) -> list[str]:
        return [one["slug"] for one in api.as_key().get("/v1/meters", **query).body["data"]]

    assert slugs(event_type="api.call") == ["sum", "calls"] and slugs(event_type="api.call", aggregation="COUNT") == ["calls"]
    use(world, made["id"])
    api.as_key().delete("/v1/meters/calls")
    assert (slugs(), slugs(status="archived")) == (["other", "sum"], ["calls"])
    assert slugs(event_type="' OR true --") == []
    for name in ("status", "aggregation", "limit"):
        assert api.as_key().get("/v1/meters", **{name: "none"}).error.param == name


def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    for slug in ("a", "b"):
        make(api, slug=slug)
    cursor = api.as_key().get("/v1/meters", limit=1).body["pagination"]["next_cursor"]
    assert api.as_key().get("/v1/meters", limit=1, cursor=cursor, aggregation="COUNT").error.code == "invalid_cursor"


def test_the_scope_is_needed_and_another_workspaces_meters_are_not_listed(api: Api, world: World) -> None:
    make(api)
    assert api.as_key(["meters:write"]).get("/v1/meters").status == 403
    assert api.as_key(workspace_id=world.workspace()).get("/v1/meters").body["data"] == []
