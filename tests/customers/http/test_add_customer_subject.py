"""POST /v1/customers/{customer_id}/subjects"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.customers.support import audited, day, give, make, periods
from tests.support.api import Api
from tests.support.world import World


def test_a_subject_that_nobody_had_is_the_customers_from_its_first_usage_on(api: Api, world: World) -> None:
    made = make(api)
    world.emitted()
    answer = api.as_key(["customers:write"]).post(f"/v1/customers/{made['id']}/subjects", {"subject": "device-1"})
    whole = {"subject": "device-1", "customer_id": made["id"], "valid_from": None, "valid_until": None}
    assert (answer.status, answer.body) == (201, whole)
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.subject.moved"
    version = envelope.data.pop("subject_version")
    moved = {"subject": "device-1", "from_customer_id": None, "to_customer_id": made["id"], "valid_from": None}
    assert envelope.data == moved and version > 0
    assert audited(world, "customer.subject_moved") == 1


def test_moving_it_re_attributes_from_an_instant_on(api: Api, world: World) -> None:
    first, second = make(api), make(api)
    give(api, first["id"], "s")
    world.emitted()
    given = give(api, second["id"], "s", valid_from=day(10))
    assert given == {"subject": "s", "customer_id": second["id"], "valid_from": day(10), "valid_until": None}
    assert periods(api, first["id"]) == [("s", None, day(10))]
    assert periods(api, second["id"]) == [("s", day(10), None)]
    (envelope,) = world.envelopes()
    assert (envelope.data["from_customer_id"], envelope.data["to_customer_id"]) == (first["id"], second["id"])


def test_without_an_instant_it_moves_now(api: Api) -> None:
    first, second = make(api), make(api)
    give(api, first["id"], "s")
    at = datetime.fromisoformat(give(api, second["id"], "s")["valid_from"])
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_earlier_move_overrules_what_was_said_of_later_times(api: Api) -> None:
    first, second, third = (make(api)["id"] for _ in range(3))
    give(api, first, "s")
    give(api, second, "s", valid_from=day(20))
    give(api, third, "s", valid_from=day(10))
    assert [periods(api, one) for one in (first, second, third)] == [[("s", None, day(10))], [], [("s", day(10), None)]]


def test_giving_what_is_had_already_changes_nothing(api: Api, world: World) -> None:
    made = make(api)
    give(api, made["id"], "s")
    world.emitted()
    give(api, made["id"], "s")
    assert give(api, made["id"], "s", valid_from=day(5))["valid_from"] is None
    assert (world.emitted(), world.count("customers.subject_owners")) == ([], 1)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "subject"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "a\x00"}, "subject"),
        ({"subject": "s", "valid_from": "2026-01-01T00:00:00"}, "valid_from"),
        ({"subject": "s", "valid_from": "yesterday"}, "valid_from"),
        ({"subject": "s", "valid_from": "9999-01-01T00:00:00Z"}, "valid_from"),
        ({"subject": "s", "valid_until": day(1)}, "valid_until"),
    ],
)
def test_what_cannot_be_used_is_refused(api: Api, world: World, body: dict[str, object], param: str) -> None:
    answer = api.as_key().post(f"/v1/customers/{make(api)['id']}/subjects", body)
    assert (answer.status, answer.error.param) == (400, param)
    assert world.count("customers.subject_owners") == 0


def test_an_instant_before_all_usage_is_its_beginning(api: Api) -> None:
    made = make(api)
    assert give(api, made["id"], "s", valid_from="0001-01-01T00:00:00Z")["valid_from"] is None


def test_a_tombstone_gets_no_subject(api: Api) -> None:
    made = make(api)
    api.as_key().post(f"/v1/customers/{made['id']}/erase")
    refused = api.as_key().post(f"/v1/customers/{made['id']}/subjects", {"subject": "s"})
    assert (refused.status, refused.error.code) == (409, "customer_not_active")


def test_the_scope_is_needed_and_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    path = f"/v1/customers/{make(api)['id']}/subjects"
    assert api.as_key(["customers:read"]).post(path, {"subject": "s"}).status == 403
    assert api.as_key(workspace_id=world.workspace()).post(path, {"subject": "s"}).status == 404
    assert world.count("customers.subject_owners") == 0


def test_two_workspaces_may_have_the_same_subject(api: Api, world: World) -> None:
    give(api, make(api)["id"], "s")
    other = api.as_key(workspace_id=world.workspace())
    theirs = other.post("/v1/customers", {}).body["id"]
    assert other.post(f"/v1/customers/{theirs}/subjects", {"subject": "s"}).body["valid_from"] is None
