"""POST /v1/workspace/restore"""

import os

from oppulence.kernel import aws
from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_an_owner_undoes_a_deletion(api: Api, world: World, people: People) -> None:
    owner = api.as_user(people.member("owner").token, world.workspace_id)
    owner.delete("/v1/workspace")
    assert api.as_key().get("/v1/api_keys").status == 403
    back = owner.post("/v1/workspace/restore")
    assert (back.status, back.body["status"], back.body["deletion_due_at"]) == (200, "active", None)
    assert api.as_key().get("/v1/api_keys").status == 200
    assert world.emitted()[-1] == "tenancy.workspace.restored.v1"
    listed = aws.client("s3").list_objects_v2(Bucket=os.environ["BUCKET"], Prefix=f"exports/{world.workspace_id}/")
    assert listed["KeyCount"] == 0


def test_there_must_be_one_to_undo(api: Api, people: People) -> None:
    refused = api.as_user(people.member("owner").token).post("/v1/workspace/restore")
    assert (refused.status, refused.error.code) == (409, "deletion_not_scheduled")


def test_once_due_it_is_too_late(api: Api, world: World, people: People) -> None:
    owner = api.as_user(people.member("owner").token)
    owner.delete("/v1/workspace")
    world.admin.execute("UPDATE tenancy.workspaces SET deletion_due_at = now() WHERE id = %s", (world.workspace_id,))
    assert owner.post("/v1/workspace/restore").error.code == "deletion_not_scheduled"


def test_neither_a_key_nor_an_admin_may(api: Api, people: People) -> None:
    admin = people.member("admin")
    api.as_user(people.member("owner").token).delete("/v1/workspace")
    for caller in (api.as_key(), api.as_user(admin.token)):
        assert caller.post("/v1/workspace/restore").error.code == "owner_required"
    assert api.as_key(scopes=["settings:write"]).post("/v1/workspace/restore").status == 403


def test_an_owner_of_another_workspace_may_not(api: Api, world: World, people: People) -> None:
    api.as_user(people.member("owner").token).delete("/v1/workspace")
    other = people.member("owner", world.workspace())
    assert api.as_user(other.token, world.workspace_id).post("/v1/workspace/restore").status == 403
