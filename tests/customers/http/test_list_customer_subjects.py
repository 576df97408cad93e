"""GET /v1/customers/{customer_id}/subjects"""

from tests.customers.support import day, give, make, periods
from tests.support.api import Api
from tests.support.world import World


def test_past_periods_are_listed_with_the_present_ones(api: Api) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "a")
    give(api, second, "a", valid_from=day(5))
    give(api, first, "a", valid_from=day(10))
    give(api, first, "b", valid_from=day(3))
    assert periods(api, first) == [("a", None, day(5)), ("a", day(10), None), ("b", day(3), None)]
    assert periods(api, second) == [("a", day(5), day(10))]


def test_the_state_at_an_instant(api: Api) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "a")
    give(api, second, "a", valid_from=day(5))
    assert periods(api, first, at=day(4)) == [("a", None, day(5))] and periods(api, second, at=day(4)) == []
    assert periods(api, first, at=day(5)) == [] and periods(api, second, at=day(5)) == [("a", day(5), None)]


def test_pages_hold_every_period_once(api: Api) -> None:
    first, second = make(api)["id"], make(api)["id"]
    for number in range(1, 7):
        give(api, (first, second)[number % 2], "a", valid_from=day(number))
    give(api, second, "b")
    path, seen, cursor = f"/v1/customers/{second}/subjects", [], None
    while True:
        page = api.as_key().get(path, limit=1, cursor=cursor).body
        seen += [(one["subject"], one["valid_from"], one["valid_until"]) for one in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert seen == periods(api, second) and len(seen) == 4


def test_what_cannot_be_used_is_refused(api: Api) -> None:
    path = f"/v1/customers/{make(api)['id']}/subjects"
    assert api.as_key().get(path, at="2026-01-01").error.param == "at"
    assert api.as_key().get(path, cursor="x").error.code == "invalid_cursor"


def test_the_scope_is_needed_and_another_workspaces_subjects_are_not_found(api: Api, world: World) -> None:
    made = make(api)
    give(api, made["id"], "s")
    path = f"/v1/customers/{made['id']}/subjects"
    assert api.as_key(["customers:write"]).get(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).get(path).error.code == "customer_not_found"
