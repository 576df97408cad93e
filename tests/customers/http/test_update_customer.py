"""PATCH /v1/customers/{customer_id}"""

import pytest

from tests.customers.support import JANE, PERSONAL, find, make, read
from tests.support.api import Api
from tests.support.world import World


def test_only_what_is_sent_changes(api: Api, world: World) -> None:
    made = make(api, **JANE)
    world.emitted()
    changed = api.as_key(["customers:write"]).patch(f"/v1/customers/{made['id']}", {"name": "Jane Doe", "phone": None})
    assert changed.status == 200
    assert changed.body == made | {"name": "Jane Doe", "phone": None, "version": 2, "updated_at": changed.body["updated_at"]}
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.updated"
    assert envelope.data == {"customer_id": made["id"], "customer_version": 2, "changed": ["name", "phone"]}


def test_a_search_follows_the_change(api: Api) -> None:
    made = make(api, **JANE, key="old")
    api.as_key().patch(f"/v1/customers/{made['id']}", {"name": "Mary", "emails": ["m@example.com"], "key": "new"})
    assert [find(api, one) for one in ("mary", "m@", "new")] == [[made["id"]]] * 3
    assert [find(api, one) for one in ("jane", "neil", "old")] == [[]] * 3


def test_null_empties_every_field(api: Api) -> None:
    made = make(api, **JANE, key="k")
    emptied = api.as_key().patch(f"/v1/customers/{made['id']}", dict.fromkeys((*JANE, "key"))).body
    assert not any(emptied[name] for name in (*JANE, "key"))


def test_a_change_of_nothing_is_none(api: Api, world: World) -> None:
    made = make(api, **JANE)
    world.emitted()
    for body in ({}, {"name": JANE["name"]}, {"address": JANE["address"]}):
        assert api.as_key().patch(f"/v1/customers/{made['id']}", body).body == made
    assert world.emitted() == []


def test_two_who_saw_the_same_version_do_not_overwrite_each_other(api: Api) -> None:
    made = make(api, name="A")
    path = f"/v1/customers/{made['id']}"
    assert api.as_key().patch(path, {"name": "B", "version": 1}).status == 200
    refused = api.as_key().patch(path, {"name": "C", "version": 1})
    assert (refused.status, refused.error.code, refused.error.param) == (409, "customer_changed", "version")
    assert read(api, made["id"])["name"] == "B"


def test_a_key_of_another_customer_is_refused(api: Api) -> None:
    make(api, key="a")
    made = make(api, key="b", name="B")
    refused = api.as_key().patch(f"/v1/customers/{made['id']}", {"key": "a", "name": "C"})
    assert (refused.status, refused.error.code) == (409, "customer_exists")
    assert read(api, made["id"])["name"] == "B"


def test_a_key_that_could_be_taken_for_an_id_is_refused(api: Api) -> None:
    made = make(api, key="b", name="B")
    refused = api.as_key().patch(f"/v1/customers/{made['id']}", {"key": make(api)["id"], "name": "C"})
    assert (refused.status, refused.error.code, refused.error.param) == (400, "invalid_key", "key")
    assert read(api, made["id"]) == made


def test_the_audit_log_names_fields_and_no_values(api: Api, world: World) -> None:
    made = make(api)
    api.as_key().patch(f"/v1/customers/{made['id']}", JANE)
    rows = world.admin.execute(
        "SELECT changes::text FROM tenancy.audit_log WHERE workspace_id = %s AND action = 'customer.updated'",
        (world.workspace_id,),
    ).fetchall()
    ((text,),) = rows
    assert all(name in text for name in JANE) and not any(part in text for part in PERSONAL)


@pytest.mark.parametrize(
    "body", [{"status": "archived"}, {"status": None}, {"version": "1"}, {"emails": ["x"]}, {"merged_into": "cust_1"}, [], "text"]
)
def test_what_cannot_be_used_is_refused(api: Api, body: object) -> None:
    made = make(api)
    answer = api.as_key().patch(f"/v1/customers/{made['id']}", body)
    assert answer.status == 400 and "CustomerStatus" not in answer.error.message
    assert read(api, made["id"]) == made


def test_an_archived_customer_is_not_changed(api: Api) -> None:
    made = make(api)
    api.as_key().post(f"/v1/customers/{made['id']}/subjects", {"subject": "s"})
    api.as_key().delete(f"/v1/customers/{made['id']}")
    assert api.as_key().patch(f"/v1/customers/{made['id']}", {"name": "B"}).error.code == "customer_not_active"


def test_the_scope_is_needed_and_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    made = make(api, name="A")
    path = f"/v1/customers/{made['id']}"
    assert api.as_key(["customers:read"]).patch(path, {"name": "B"}).status == 403
    assert api.as_key(workspace_id=world.workspace()).patch(path, {"name": "B"}).status == 404
    assert read(api, made["id"])["name"] == "A"
