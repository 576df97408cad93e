"""DELETE /v1/customers/{customer_id}/subjects/{subject}"""

from urllib.parse import quote

import pytest

from tests.customers.support import audited, day, give, make, periods
from tests.support.api import Api
from tests.support.world import World


def remove(api: Api, customer_id: str, subject: str, **query: str) -> tuple[int, str | None]:
    path = f"/v1/customers/{customer_id}/subjects/{quote(subject, safe='')}"
    answer = api.as_key(["customers:write"]).send("DELETE", path, query=query)
    return answer.status, answer.error.code if answer.status >= 400 else None


def test_from_then_on_it_is_nobodys(api: Api, world: World) -> None:
    made = make(api)
    give(api, made["id"], "s/1%2F")
    world.emitted()
    assert remove(api, made["id"], "s/1%2F", valid_until=day(10)) == (204, None)
    assert periods(api, made["id"]) == [("s/1%2F", None, day(10))]
    (envelope,) = world.envelopes()
    assert (envelope.data["from_customer_id"], envelope.data["to_customer_id"]) == (made["id"], None)
    assert audited(world, "customer.subject_moved") == 2


def test_it_can_be_given_again(api: Api) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "s")
    remove(api, first, "s", valid_until=day(5))
    give(api, second, "s", valid_from=day(10))
    assert (periods(api, first), periods(api, second)) == ([("s", None, day(5))], [("s", day(10), None)])


def test_without_an_instant_it_ends_now(api: Api) -> None:
    made = make(api)
    give(api, made["id"], "s", valid_from=day(1))
    assert remove(api, made["id"], "s") == (204, None)
    ((_, since, until),) = periods(api, made["id"])
    assert since == day(1) and until is not None
    assert remove(api, made["id"], "s") == (404, "subject_not_found")


def test_the_whole_period_can_go(api: Api) -> None:
    made = make(api)
    give(api, made["id"], "s", valid_from=day(3))
    assert remove(api, made["id"], "s", valid_until=day(3)) == (204, None)
    assert periods(api, made["id"]) == []


def test_what_is_not_the_customers_is_not_taken(api: Api) -> None:
    first, second = make(api)["id"], make(api)["id"]
    give(api, first, "s")
    give(api, second, "s", valid_from=day(10))
    assert remove(api, first, "s") == (404, "subject_not_found")
    assert remove(api, second, "other") == (404, "subject_not_found")
    assert remove(api, second, "s", valid_until=day(9)) == (400, "invalid_instant")
    assert remove(api, second, "s", valid_until="9999-01-01T00:00:00Z") == (400, "invalid_instant")
    assert remove(api, "cust_00000000000000000000", "s") == (404, "customer_not_found")
    assert periods(api, second) == [("s", day(10), None)]


@pytest.mark.parametrize("query", [{"valid_until": "2026-01-01"}, {"valid_until": "x"}, {"when": "now"}])
def test_what_cannot_be_used_is_refused(api: Api, query: dict[str, str]) -> None:
    made = make(api)
    give(api, made["id"], "s")
    assert remove(api, made["id"], "s", **query)[0] == 400


def test_the_scope_is_needed_and_another_workspaces_subject_is_not_found(api: Api, world: World) -> None:
    made = make(api)
    give(api, made["id"], "s")
    path = f"/v1/customers/{made['id']}/subjects/s"
    assert api.as_key(["customers:read"]).delete(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).delete(path).status == 404
    assert periods(api, made["id"]) == [("s", None, None)]
