"""GET /v1/customers/{customer_id}"""

from tests.customers.support import JANE, audited, fact, make, read, tell
from tests.support.api import Api
from tests.support.world import World


def test_a_customer_is_shown_with_its_links(api: Api, world: World) -> None:
    made = make(api, **JANE, key="jane")
    tell(world, fact("created", "cus_1", key="jane", account="acct_1"))
    answer = api.as_key(["customers:read"]).get(f"/v1/customers/{made['id']}")
    assert answer.status == 200 and answer.body["emails"] == JANE["emails"]
    (link,) = answer.body["links"]
    assert {**link, "linked_at": ""} == {
        "provider": "stripe", "account": "acct_1", "provider_customer_id": "cus_1", "deleted": False, "linked_at": ""
    }  # fmt: skip


def test_reading_it_is_audited(api: Api, world: World) -> None:
    read(api, make(api)["id"])
    assert audited(world, "personal_data.read") == 1


def test_an_unknown_customer_is_not_found(api: Api) -> None:
    for customer_id in ("cust_00000000000000000000", "nonsense", "' OR true --"):
        answer = api.as_key().get(f"/v1/customers/{customer_id}")
        assert (answer.status, answer.error.code) == (404, "customer_not_found")
    assert api.as_key().get("/v1/customers/cust_%00").status == 400


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(["customers:write"]).get(f"/v1/customers/{make(api)['id']}").status == 403


def test_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    assert api.as_key(workspace_id=world.workspace()).get(f"/v1/customers/{made['id']}").status == 404
