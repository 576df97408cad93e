"""POST /v1/customers"""

import pytest

from tests.customers.support import JANE, PERSONAL, audited, make
from tests.support.api import Api
from tests.support.world import World


def test_a_customer_is_made_as_it_was_sent(api: Api, world: World) -> None:
    answer = api.as_key(["customers:write"]).post("/v1/customers", JANE | {"key": "jane-1"})
    assert answer.status == 201
    body = answer.body
    assert {name: body[name] for name in JANE if name != "address"} == {k: v for k, v in JANE.items() if k != "address"}
    assert body["address"] == {"line2": None, "state": None, **JANE["address"]}
    assert (body["key"], body["status"], body["version"], body["links"]) == ("jane-1", "active", 1, [])


def test_its_event_and_audit_entry_hold_no_personal_data(api: Api, world: World) -> None:
    made = make(api, **JANE)
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.created" and envelope.data == {"customer_id": made["id"], "customer_version": 1}
    row = world.admin.execute(
        "SELECT action, resource_id, changes::text FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row is not None and row[:2] == ("customer.created", made["id"])
    assert not any(part in row[2] for part in PERSONAL)


def test_nothing_at_all_is_a_customer_too(api: Api) -> None:
    made = make(api)
    assert made["key"] is None and made["emails"] == [] and made["metadata"] == {}


def test_a_key_is_taken_once_and_a_refusal_leaves_nothing(api: Api, world: World) -> None:
    make(api, key="k")
    world.emitted()
    refused = api.as_key().post("/v1/customers", {"key": "k", "name": "Other"})
    assert (refused.status, refused.error.code, refused.error.param) == (409, "customer_exists", "key")
    assert (world.count("customers.customers"), world.count("customers.terms"), world.emitted()) == (1, 1, [])


def test_a_key_that_could_be_taken_for_an_id_is_refused(api: Api, world: World) -> None:
    for key in (make(api)["id"], "cust_00000000000000000000"):
        refused = api.as_key().post("/v1/customers", {"key": key})
        assert (refused.status, refused.error.code, refused.error.param) == (400, "invalid_key", "key")
    assert [make(api, key=key)["key"] for key in ("cust_1", "inv_00000000000000000000")] == ["cust_1", "inv_00000000000000000000"]
    assert world.count("customers.customers") == 3


def test_a_repeat_with_its_key_creates_once(api: Api, world: World) -> None:
    caller = api.as_key().with_headers(Idempotency_Key="once")
    first, second = (caller.post("/v1/customers", JANE) for _ in range(2))
    assert first.body == second.body and world.count("customers.customers") == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"key": ""}, "key"),
        ({"key": "two words"}, "key"),
        ({"key": "x" * 256}, "key"),
        ({"name": " "}, "name"),
        ({"emails": "a@example.com"}, "emails"),
        ({"emails": ["nobody"]}, "emails.0"),
        ({"emails": ["a@example.com"] * 11}, "emails"),
        ({"phone": "call me"}, "phone"),
        ({"address": {"country": "Austria"}}, "address.country"),
        ({"address": {"planet": "Mars"}}, "address.planet"),
        ({"tax_ids": [{"type": "VAT", "value": "1"}]}, "tax_ids.0.type"),
        ({"tax_ids": [{"type": "eu_vat"}]}, "tax_ids.0.value"),
        ({"currency": "eur"}, "currency"),
        ({"locale": "german"}, "locale"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"k" * 41: "v"}}, f"metadata.{'k' * 41}.[key]"),
        ({"metadata": {str(n): "" for n in range(51)}}, "metadata"),
        ({"status": "erased"}, "status"),
        ({"id": "cust_1"}, "id"),
    ],
)
def test_what_cannot_be_used_is_refused(api: Api, world: World, body: dict[str, object], param: str) -> None:
    answer = api.as_key().post("/v1/customers", body)
    assert (answer.status, answer.error.type, answer.error.param) == (400, "validation_error", param)
    assert world.count("customers.customers") == 0


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "Europe/Vienna'; --"])
def test_a_time_zone_is_one_of_the_iana_database(api: Api, zone: str) -> None:
    assert api.as_key().post("/v1/customers", {"time_zone": zone}).error.code == "unknown_time_zone"


def test_text_that_cannot_be_stored_is_a_clear_error(api: Api) -> None:
    assert api.as_key().post("/v1/customers", {"name": "nul \x00"}).status == 400


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["customers:read"]).post("/v1/customers", {}).status == 403


def test_two_workspaces_may_use_the_same_key(api: Api, world: World) -> None:
    other = world.workspace()
    make(api, key="k")
    assert api.as_key(workspace_id=other).post("/v1/customers", {"key": "k"}).status == 201
    assert audited(world, "customer.created") == 1
