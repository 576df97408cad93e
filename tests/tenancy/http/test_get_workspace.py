"""GET /v1/workspace"""

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_a_key_reads_its_workspace(api: Api, world: World) -> None:
    found = api.as_key(scopes=["settings:read"]).get("/v1/workspace")
    assert found.status == 200
    assert found.body["settings"] == {"test_recipients": [], "time_zone": "UTC", "usage_max_age_days": None}
    assert (found.body["id"], found.body["status"], found.body["export_url"]) == (world.workspace_id, "active", None)


def test_a_key_without_the_scope_does_not(api: Api) -> None:
    assert api.as_key(scopes=["ledger:read"]).get("/v1/workspace").status == 403


def test_each_key_sees_its_own(api: Api, world: World) -> None:
    other = world.workspace()
    assert api.as_key(workspace_id=other).get("/v1/workspace").body["id"] == other
    mismatch = api.as_key().with_headers(X_Workspace_Id=other).get("/v1/workspace")
    assert (mismatch.status, mismatch.error.code) == (403, "workspace_mismatch")


def test_a_person_sees_the_workspace_named_and_no_other(api: Api, world: World, people: People) -> None:
    owner = people.member("owner")
    assert api.as_user(owner.token).get("/v1/workspace").body["id"] == world.workspace_id
    assert api.as_user(owner.token, world.workspace()).get("/v1/workspace").status == 403


def test_members_and_viewers_see_no_settings(api: Api, people: People) -> None:
    for role in ("member", "viewer"):
        assert api.as_user(people.member(role).token).get("/v1/workspace").status == 403


def test_the_export_is_linked_while_a_deletion_can_be_undone(api: Api, world: World, people: People) -> None:
    owner = api.as_user(people.member("owner").token)
    assert owner.delete("/v1/workspace").status == 202
    found = owner.get("/v1/workspace")
    assert (found.status, found.body["status"]) == (200, "deleting")
    assert f"exports/{world.workspace_id}/tenancy.ndjson" in found.body["export_url"]
    reads = "SELECT count(*) FROM tenancy.audit_log WHERE workspace_id = %s AND resource_type = 'workspace_export'"
    assert world.admin.execute(reads, (world.workspace_id,)).fetchone() == (1,)
