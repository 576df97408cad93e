"""DELETE /v1/members/{member_id}"""

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_a_removed_person_has_no_access_and_is_forgotten(api: Api, world: World, people: People) -> None:
    owner, member = people.member("owner"), people.member("admin")
    assert api.as_user(owner.token).delete(f"/v1/members/{member.member_id}").status == 204
    assert api.as_user(member.token).get("/v1/members").status == 403
    assert world.admin.execute("SELECT FROM tenancy.users WHERE id = %s", (member.user_id,)).fetchone() is None
    entry = api.as_key().get("/v1/audit_events", action="user.removed").body["data"][0]
    assert entry["personal"] == {"email": member.email}
    assert world.emitted() == ["tenancy.member.removed.v1"]


def test_a_person_with_another_workspace_stays_there(api: Api, world: World, people: People) -> None:
    member, other = people.member("admin"), world.workspace()
    invited = api.as_key(workspace_id=other).post("/v1/members", {"email": member.email, "role": "viewer"}).body
    api.as_user(member.token).post("/v1/invitations/accept", {"token": invited["token"]})
    api.as_key().delete(f"/v1/members/{member.member_id}")
    assert api.as_user(member.token, world.workspace_id).get("/v1/ledger").status == 403
    assert api.as_user(member.token).get("/v1/ledger").status == 200


def test_the_last_owner_stays(api: Api, people: People) -> None:
    owner = people.member("owner")
    refused = api.as_user(owner.token).delete(f"/v1/members/{owner.member_id}")
    assert (refused.status, refused.error.code) == (409, "last_owner")


def test_only_owners_remove_owners(api: Api, people: People) -> None:
    first, second = people.member("owner"), people.member("owner")
    for caller in (api.as_key(), api.as_user(people.member("admin").token)):
        assert caller.delete(f"/v1/members/{second.member_id}").error.code == "escalation_refused"
    assert api.as_user(first.token).delete(f"/v1/members/{second.member_id}").status == 204


def test_an_invitation_is_withdrawn(api: Api, people: People) -> None:
    email, token = people.stranger()
    invited = api.as_key().post("/v1/members", {"email": email, "role": "viewer"}).body
    assert api.as_key().delete(f"/v1/members/{invited['id']}").status == 204
    assert api.as_user(token).post("/v1/invitations/accept", {"token": invited["token"]}).status == 404
    assert len(api.as_key().get("/v1/audit_events", action="user.invitation_withdrawn").body["data"]) == 1


def test_the_scope_is_needed(api: Api, people: People) -> None:
    assert api.as_key(scopes=["settings:read"]).delete(f"/v1/members/{people.member('viewer').member_id}").status == 403


def test_another_workspaces_member_does_not_exist(api: Api, world: World, people: People) -> None:
    member = people.member("viewer")
    invited = api.as_key().post("/v1/members", {"email": "a@example.com", "role": "viewer"}).body
    other = api.as_key(workspace_id=world.workspace())
    for member_id in (member.member_id, invited["id"], "mem_nothing"):
        refused = other.delete(f"/v1/members/{member_id}")
        assert (refused.status, refused.error.code) == (404, "member_not_found")
    assert len(api.as_key().get("/v1/members").body["data"]) == 2
