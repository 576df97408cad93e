"""GET /v1/meters/{meter_id}/versions"""

from tests.metering.support import make, spans, use
from tests.support.api import Api
from tests.support.world import World

LATER, LAST = "2099-01-01T00:00:00Z", "2099-02-01T00:00:00Z"


def test_versions_follow_each_other_without_a_gap(api: Api) -> None:
    made = make(api)
    for name, since in (("second", LATER), ("third", LAST)):
        changed = api.as_key().patch("/v1/meters/calls", {"event_type": name, "effective_from": since})
        assert changed.status == 200
    assert spans(api, "calls") == [(1, made["effective_from"], LATER), (2, LATER, LAST), (3, LAST, None)]
    rows = api.as_key(["meters:read"]).get(f"/v1/meters/{made['id']}/versions").body["data"]
    assert [one["event_type"] for one in rows] == ["api.call", "second", "third"]
    assert {(one["meter_id"], one["slug"], one["aggregation"]) for one in rows} == {(made["id"], "calls", "COUNT")}


def test_pages_hold_every_version_once(api: Api) -> None:
    make(api)
    for number in range(1, 4):
        api.as_key().patch("/v1/meters/calls", {"event_type": f"t{number}", "effective_from": f"2099-0{number}-01T00:00:00Z"})
    path, seen, cursor = "/v1/meters/calls/versions", [], None
    while True:
        page = api.as_key().get(path, limit=2, cursor=cursor).body
        seen += [(one["version"], one["effective_until"]) for one in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert seen == [(number, until) for number, _, until in spans(api, "calls")] and len(seen) == 4
    assert api.as_key().get(path, cursor="x").error.code == "invalid_cursor"


def test_the_last_one_ends_with_the_meter(api: Api, world: World) -> None:
    made = make(api)
    use(world, made["id"])
    api.as_key().delete("/v1/meters/calls")
    archived_at = api.as_key().get(f"/v1/meters/{made['id']}").body["archived_at"]
    assert archived_at is not None and spans(api, made["id"]) == [(1, made["effective_from"], archived_at)]


def test_the_scope_is_needed_and_another_workspaces_meter_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    path = f"/v1/meters/{made['id']}/versions"
    assert api.as_key(["usage:read"]).get(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).get(path).error.code == "meter_not_found"
