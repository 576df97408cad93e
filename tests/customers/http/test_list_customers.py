"""GET /v1/customers"""

import pytest

from tests.customers.support import JANE, audited, find, make
from tests.support.api import Api
from tests.support.world import World


def test_customers_are_listed_the_newest_first_by_pages(api: Api) -> None:
    ids = [make(api, name=f"Customer {n}")["id"] for n in range(5)]
    first = api.as_key(["customers:read"]).get("/v1/customers", limit=3).body
    second = api.as_key(["customers:read"]).get("/v1/customers", limit=3, cursor=first["pagination"]["next_cursor"]).body
    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["pagination"] == {"has_more": False, "next_cursor": None}


def test_a_status_and_a_key_filter(api: Api) -> None:
    made = make(api, key="a", emails=["a@example.com"])
    api.as_key().post(f"/v1/customers/{made['id']}/subjects", {"subject": "s"})
    make(api, key="b")
    api.as_key().delete(f"/v1/customers/{made['id']}")
    assert [one["key"] for one in api.as_key().get("/v1/customers").body["data"]] == ["b"]
    assert [one["key"] for one in api.as_key().get("/v1/customers", status="archived").body["data"]] == ["a"]
    assert api.as_key().get("/v1/customers", key="a").body["data"] == []
    assert len(api.as_key().get("/v1/customers", key="a", status="archived").body["data"]) == 1
    assert find(api, "a@", status="archived") == [made["id"]] and find(api, "a@") == []
    assert api.as_key().get("/v1/customers", status="gone").error.param == "status"


@pytest.mark.parametrize(
    "query",
    ["jane", "JANE", "o'n", "oneil", "diaz", "Díaz", "neil-d", "jane.oneil@exam", "cus-7", "CUS-77", "neil jane", "ja dia cus",
     "jane, o'neil", "  jane  "],
)  # fmt: skip
def test_a_search_finds_by_the_beginning_of_key_address_and_words(api: Api, query: str) -> None:
    make(api, key="other", name="John Smith", emails=["john@example.com"])
    made = make(api, **JANE, key="cus-77")
    assert find(api, query) == [made["id"]]


@pytest.mark.parametrize(
    "query", ["", "  ", ",", "\u0301", "ane", "jane smith", "%", "_", "jan*", "' OR true --", "\\", "jane\u0000x"]
)
def test_a_search_finds_nothing_else(api: Api, query: str) -> None:
    make(api, **JANE)
    assert find(api, query) == []


def test_a_customer_is_found_once_whatever_fits(api: Api) -> None:
    anna = make(api, key="anna", name="Anna Annabel Annason", emails=["anna@example.com"])
    others = [make(api, name=f"Anne{n}")["id"] for n in range(3)]
    page, seen = api.as_key().get("/v1/customers", query="an", limit=1).body, []
    while page["data"]:
        seen.append(page["data"][0]["id"])
        cursor = page["pagination"]["next_cursor"]
        page = api.as_key().get("/v1/customers", query="an", limit=1, cursor=cursor).body if cursor else {"data": []}
    assert seen == [anna["id"], *others]


def test_a_search_has_a_limit_of_words(api: Api) -> None:
    refused = api.as_key().get("/v1/customers", query="a b c d e f g h i")
    assert (refused.status, refused.error.code) == (400, "too_many_words")
    assert api.as_key().get("/v1/customers", query="x" * 201).error.param == "query"


def test_a_cursor_of_another_search_is_refused(api: Api) -> None:
    for name in ("Anna", "Anne"):
        make(api, name=name)
    cursor = api.as_key().get("/v1/customers", query="ann", limit=1).body["pagination"]["next_cursor"]
    assert api.as_key().get("/v1/customers", query="an", limit=1, cursor=cursor).error.code == "invalid_cursor"


def test_reading_it_is_audited(api: Api, world: World) -> None:
    api.as_key().get("/v1/customers")
    assert audited(world, "personal_data.read") == 1


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["customers:write"]).get("/v1/customers").status == 403


def test_another_workspaces_customers_are_not_found(api: Api, world: World) -> None:
    make(api, **JANE)
    other = api.as_key(workspace_id=world.workspace())
    assert other.get("/v1/customers").body["data"] == [] == other.get("/v1/customers", query="jane").body["data"]
