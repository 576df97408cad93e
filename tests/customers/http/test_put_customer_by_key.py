"""PUT /v1/customers/by_key/{key}"""

from urllib.parse import quote

import pytest

from tests.customers.support import JANE, find, give, make, read
from tests.support.api import Api
from tests.support.world import World


def test_it_creates_then_changes_what_is_sent(api: Api, world: World) -> None:
    caller = api.as_key(["customers:write"])
    first = caller.put("/v1/customers/by_key/jane-1", JANE)
    assert (first.status, first.body["key"], first.body["version"]) == (200, "jane-1", 1)
    second = caller.put("/v1/customers/by_key/jane-1", {"name": "Jane Doe"})
    assert second.body == first.body | {"name": "Jane Doe", "version": 2, "updated_at": second.body["updated_at"]}
    third = caller.put("/v1/customers/by_key/jane-1", {"name": "Jane Doe"})
    assert third.body == second.body
    assert world.emitted() == ["customers.customer.created.v1", "customers.customer.updated.v1"]
    assert (find(api, "doe"), find(api, "neil"), find(api, "jane-1")) == ([first.body["id"]], [], [first.body["id"]])


def test_an_archived_customer_comes_back(api: Api) -> None:
    made = make(api, key="k", name="A")
    give(api, made["id"], "s")
    api.as_key().delete(f"/v1/customers/{made['id']}")
    back = api.as_key().put("/v1/customers/by_key/k", {})
    assert (back.body["id"], back.body["status"], back.body["name"]) == (made["id"], "active", "A")


def test_the_key_of_a_merged_customer_leads_to_the_one_it_is_now(api: Api) -> None:
    kept, ended = make(api, key="a"), make(api, key="b")
    api.as_key().post(f"/v1/customers/{kept['id']}/merge", {"from": ended["id"]})
    answer = api.as_key().put("/v1/customers/by_key/b", {"name": "Both"})
    assert (answer.body["id"], answer.body["key"]) == (kept["id"], "a") and read(api, kept["id"])["name"] == "Both"


def test_an_erased_customer_is_not_made_again_by_mistake(api: Api) -> None:
    made = make(api, key="k-1", **JANE)
    api.as_key().post(f"/v1/customers/{made['id']}/erase")
    refused = api.as_key().put("/v1/customers/by_key/k-1", JANE)
    assert (refused.status, refused.error.code) == (409, "customer_not_active")
    assert read(api, made["id"])["name"] is None


@pytest.mark.parametrize("key", ["a/b", "ü-1", "100%", "x" * 255, "erased?", "';--"])
def test_any_visible_text_is_a_key(api: Api, key: str) -> None:
    answer = api.as_key().put(f"/v1/customers/by_key/{quote(key, safe='')}", {})
    assert (answer.status, answer.body["key"]) == (200, key)


@pytest.mark.parametrize("key", ["two words", "x" * 256, "a\nb", "nul\x00", "\u2003", "cust_00000000000000000000"])
def test_what_can_be_no_key_is_refused(api: Api, key: str) -> None:
    refused = api.as_key().put(f"/v1/customers/by_key/{quote(key, safe='')}", {})
    assert (refused.status, refused.error.code, refused.error.param) == (400, "invalid_key", "key")


def test_one_that_has_had_a_key_like_an_id_keeps_it(api: Api, world: World) -> None:
    made, key = make(api, key="k")["id"], make(api)["id"]
    world.admin.execute("UPDATE customers.customers SET key = %s WHERE id = %s", (key, made))
    assert api.as_key().put(f"/v1/customers/by_key/{key}", {"name": "A"}).body["id"] == made
    assert api.as_key().patch(f"/v1/customers/{made}", {"key": key, "name": "B"}).body["key"] == key


@pytest.mark.parametrize("body", [{"key": "other"}, {"name": ""}, {"time_zone": "Nowhere/Land"}])
def test_a_body_that_cannot_be_used_is_refused(api: Api, world: World, body: dict[str, object]) -> None:
    assert api.as_key().put("/v1/customers/by_key/k", body).status == 400
    assert world.count("customers.customers") == 0


def test_the_scope_is_needed_and_workspaces_do_not_meet(api: Api, world: World) -> None:
    made = make(api, key="k", name="A")
    assert api.as_key(["customers:read"]).put("/v1/customers/by_key/k", {"name": "B"}).status == 403
    other = api.as_key(workspace_id=world.workspace()).put("/v1/customers/by_key/k", {"name": "B"})
    assert other.status == 200 and other.body["id"] != made["id"] and read(api, made["id"])["name"] == "A"
