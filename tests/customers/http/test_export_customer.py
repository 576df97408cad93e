"""GET /v1/customers/{customer_id}/export"""

from tests.customers.support import JANE, audited, fact, give, make, tell
from tests.support.api import Api
from tests.support.world import World


def test_all_that_is_kept_is_exported(api: Api, world: World) -> None:
    made, ended = make(api, **JANE, key="jane")["id"], make(api, key="old")["id"]
    api.as_key().post(f"/v1/customers/{made}/merge", {"from": ended})
    give(api, made, "s")
    tell(world, fact("created", "cus_1", key="jane"))
    exported = api.as_key(["customers:read"]).get(f"/v1/customers/{made}/export")
    assert exported.status == 200
    body = exported.body
    assert {name: body["customer"][name] for name in ("name", "emails", "phone", "tax_ids", "metadata")} == {
        name: JANE[name] for name in ("name", "emails", "phone", "tax_ids", "metadata")
    }
    assert [one["key"] for one in body["merged_customers"]] == ["old"]
    assert [one["subject"] for one in body["subjects"]] == ["jane", "old", "s"]  # keys are subjects
    assert body["more_subjects"] is False
    assert [one["provider_customer_id"] for one in body["customer"]["links"]] == ["cus_1"]
    assert audited(world, "personal_data.read") == 1


def test_of_very_many_subjects_the_first_are_there(api: Api, world: World) -> None:
    made = make(api)["id"]
    world.admin.execute(
        "INSERT INTO customers.subject_owners (workspace_id, subject, valid_from, customer_id, recorded_at)"
        " SELECT %s, 's' || n, '1900-01-01Z', %s, now() FROM generate_series(1, 5001) n",
        (world.workspace_id, made),
    )
    body = api.as_key().get(f"/v1/customers/{made}/export").body
    assert len({one["subject"] for one in body["subjects"]}) == len(body["subjects"]) == 5000 and body["more_subjects"]


def test_the_scope_is_needed_and_another_workspaces_customer_does_not_exist(api: Api, world: World) -> None:
    path = f"/v1/customers/{make(api, **JANE)['id']}/export"
    assert api.as_key(["customers:write"]).get(path).status == 403
    assert api.as_key(workspace_id=world.workspace()).get(path).error.code == "customer_not_found"
