"""DELETE /v1/customers/{customer_id}"""

from collections.abc import Callable

import pytest

from oppulence.customers import api as customers_api
from tests.customers.support import JANE, fact, find, give, make, periods, read, tell
from tests.support.api import Api
from tests.support.world import World


def subject(api: Api, world: World, customer_id: str) -> None:
    give(api, customer_id, "s")
    api.as_key().delete(f"/v1/customers/{customer_id}/subjects/s")


def link(api: Api, world: World, customer_id: str) -> None:
    api.as_key().patch(f"/v1/customers/{customer_id}", {"key": "k"})
    tell(world, fact("created", "cus_1", key="k"))


def merged(api: Api, world: World, customer_id: str) -> None:
    api.as_key().post(f"/v1/customers/{customer_id}/merge", {"from": make(api)["id"]})


def referred_to(api: Api, world: World, customer_id: str) -> None:
    world.within("ledger", lambda uow: customers_api.mark_used(uow.conn, customer_id, uow.now))


def test_one_that_nothing_refers_to_is_deleted(api: Api, world: World) -> None:
    made = make(api, **JANE, key="k")
    world.emitted()
    assert api.as_key(["customers:write"]).delete(f"/v1/customers/{made['id']}").status == 204
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.archived" and envelope.data["deleted"] is True
    assert (world.count("customers.customers"), world.count("customers.terms")) == (0, 0)
    assert api.as_key().get(f"/v1/customers/{made['id']}").status == 404
    assert api.as_key().delete(f"/v1/customers/{made['id']}").status == 404


@pytest.mark.parametrize("use", [subject, link, merged, referred_to])
def test_one_that_something_refers_to_is_archived(api: Api, world: World, use: Callable[[Api, World, str], None]) -> None:
    made = make(api, **JANE)
    use(api, world, made["id"])
    world.emitted()
    assert api.as_key().delete(f"/v1/customers/{made['id']}").status == 204
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.archived" and envelope.data["deleted"] is False
    kept = read(api, made["id"])
    assert (kept["status"], kept["name"]) == ("archived", JANE["name"]) and envelope.data["customer_version"] == kept["version"]
    assert find(api, "jane", status="archived") == [made["id"]]
    assert api.as_key().delete(f"/v1/customers/{made['id']}").error.code == "customer_not_active"


def test_its_subjects_stay_its_own(api: Api) -> None:
    made = make(api)
    give(api, made["id"], "s")
    api.as_key().delete(f"/v1/customers/{made['id']}")
    assert periods(api, made["id"]) == [("s", None, None)]


def test_the_scope_is_needed_and_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    assert api.as_key(["customers:read"]).delete(f"/v1/customers/{made['id']}").status == 403
    assert api.as_key(workspace_id=world.workspace()).delete(f"/v1/customers/{made['id']}").status == 404
    assert read(api, made["id"])["status"] == "active"
