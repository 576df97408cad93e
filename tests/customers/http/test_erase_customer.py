"""POST /v1/customers/{customer_id}/erase"""

import pytest

from tests.customers.support import JANE, PERSONAL, audited, fact, find, give, make, periods, read, tell
from tests.support.api import Api
from tests.support.world import World

TABLES = ("customers", "terms", "links", "outbox")


def stored(world: World) -> str:
    """All that the context's tables hold of the workspace but for subjects, and the audit log's open part."""
    queries = [f"SELECT t::text FROM customers.{table} t WHERE workspace_id = %s" for table in TABLES]
    rows = [world.admin.execute(query.encode(), (world.workspace_id,)).fetchall() for query in queries]
    audit = world.admin.execute(
        "SELECT changes::text, resource_id FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)
    )
    return str(rows) + str(audit.fetchall())


def erase(api: Api, customer_id: str) -> tuple[int, str | None]:
    answer = api.as_key(["customers:write"]).post(f"/v1/customers/{customer_id}/erase")
    return answer.status, answer.error.code if answer.status >= 400 else None


def test_no_trace_of_personal_data_stays(api: Api, world: World) -> None:
    made = make(api, **JANE, key="cus-1")
    api.as_key().patch(f"/v1/customers/{made['id']}", {"name": "Jane Again"})
    assert all(part in stored(world) for part in ("Jane Again", "ATU12345678"))
    world.emitted()
    assert erase(api, made["id"]) == (200, None)
    assert [part for part in PERSONAL if part in stored(world)] == []
    assert (find(api, "jane"), find(api, "jane", status="erased"), find(api, "cus-1")) == ([], [], [])
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.erased" and envelope.data["customer_id"] == made["id"]
    assert audited(world, "customer.erased") == 1


def test_what_amounts_hang_on_stays(api: Api, world: World) -> None:
    made = make(api, **JANE, key="cus-1")["id"]
    give(api, made, "device-1")
    tell(world, fact("created", "cus_77", key="cus-1"))
    erase(api, made)
    now = read(api, made)
    assert (now["status"], now["key"], now["currency"]) == ("erased", "cus-1", "EUR")
    assert [link["provider_customer_id"] for link in now["links"]] == ["cus_77"]
    assert periods(api, made) == [("cus-1", None, None), ("device-1", None, None)]


def test_what_the_provider_tells_later_revives_nothing(api: Api, world: World) -> None:
    made = make(api, **JANE, key="cus-1")["id"]
    tell(world, fact("created", "cus_77", key="cus-1"))
    erase(api, made)
    tell(world, fact("updated", "cus_77", version=2, key="cus-1"), fact("created", "cus_78", key="cus-1"))
    assert (read(api, made)["status"], world.count("customers.customers")) == ("erased", 1)


@pytest.mark.parametrize(
    "key", ["jane.oneil@example.com", "someone@else.example", "jane", "crm:oneil", "43-1-234567", "ATU12345678", "atu-1234-5678"]
)
def test_a_key_that_is_personal_itself_becomes_a_random_one(api: Api, key: str) -> None:
    made = make(api, **JANE, key=key)["id"]
    erase(api, made)
    assert read(api, made)["key"].startswith("erased_")


@pytest.mark.parametrize(("key", "name"), [("li-bo", "Li Bo"), ("王芳", "王芳")])
def test_a_short_name_is_personal_as_a_whole(api: Api, key: str, name: str) -> None:
    made = make(api, name=name, key=key)["id"]
    erase(api, made)
    assert read(api, made)["key"].startswith("erased_")


def test_keys_of_what_was_merged_into_it_go_too(api: Api, world: World) -> None:
    made, ended = make(api, **JANE, key="a")["id"], make(api, name="Mary Smith", key="mary-smith")["id"]
    api.as_key().post(f"/v1/customers/{made}/merge", {"from": ended})
    erase(api, made)
    assert [part for part in (*PERSONAL, "mary") if part in stored(world)] == []
    assert erase(api, ended) == (409, "customer_not_active")


def test_what_usage_events_name_stays_the_customers(api: Api) -> None:
    made = make(api, **JANE, key="jane.oneil@example.com")["id"]
    erase(api, made)
    assert periods(api, made) == [("jane.oneil@example.com", None, None)]
    again = make(api, key="jane.oneil@example.com")["id"]
    ((_, since, _),) = periods(api, again)
    assert since is not None and periods(api, made) == [("jane.oneil@example.com", None, since)]


def test_repeating_it_is_harmless(api: Api, world: World) -> None:
    made = make(api, **JANE)["id"]
    erase(api, made)
    before = read(api, made)
    world.emitted()
    assert erase(api, made) == (200, None) and read(api, made) == before and world.emitted() == []


def test_an_archived_customer_can_be_erased(api: Api) -> None:
    made = make(api, **JANE)["id"]
    give(api, made, "s")
    api.as_key().delete(f"/v1/customers/{made}")
    assert erase(api, made) == (200, None) and read(api, made)["status"] == "erased"


def test_the_scope_is_needed_and_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    path = f"/v1/customers/{make(api, **JANE)['id']}/erase"
    assert api.as_key(["customers:read"]).post(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).post(path).error.code == "customer_not_found"
    assert find(api, "jane") != []
