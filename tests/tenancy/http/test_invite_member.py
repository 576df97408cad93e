"""POST /v1/members"""

import hashlib

import pytest

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_an_invitation_has_a_token_that_is_shown_once(api: Api, world: World) -> None:
    made = api.as_key().post("/v1/members", {"email": "New@Example.com", "role": "member"})
    assert (made.status, made.body["email"], made.body["role"]) == (201, "new@example.com", "member")
    assert made.body["token"] not in str(api.as_key().get("/v1/members").body)
    row = world.admin.execute("SELECT token_hash FROM tenancy.invitations WHERE id = %s", (made.body["id"],)).fetchone()
    assert row == (hashlib.sha256(made.body["token"].encode()).digest(),)
    envelope = world.envelopes()[0]
    assert envelope.type == "tenancy.member.invited"
    assert "example.com" not in envelope.model_dump_json() and made.body["token"] not in envelope.model_dump_json()


def test_the_address_in_the_audit_log_is_sealed(api: Api, world: World) -> None:
    api.as_key().post("/v1/members", {"email": "new@example.com", "role": "viewer"})
    row = world.admin.execute(
        "SELECT changes::text, encode(personal, 'escape') FROM tenancy.audit_log WHERE action = 'user.invited'"
        " AND workspace_id = %s",
        (world.workspace_id,),
    ).fetchone()
    assert row is not None and "example.com" not in str(row)
    entry = api.as_key().get("/v1/audit_events", action="user.invited").body["data"][0]
    assert entry["personal"] == {"email": "new@example.com"}


def test_inviting_again_replaces_the_invitation(api: Api, people: People) -> None:
    email, token = people.stranger()
    first = api.as_key().post("/v1/members", {"email": email, "role": "viewer"}).body
    second = api.as_key().post("/v1/members", {"email": email, "role": "member"}).body
    accept = api.as_user(token)
    assert accept.post("/v1/invitations/accept", {"token": first["token"]}).status == 404
    assert accept.post("/v1/invitations/accept", {"token": second["token"]}).body["role"] == "member"


def test_a_member_is_not_invited(api: Api, people: People) -> None:
    refused = api.as_key().post("/v1/members", {"email": people.member("viewer").email, "role": "viewer"})
    assert (refused.status, refused.error.code) == (409, "already_member")


@pytest.mark.parametrize(
    ("caller", "role", "status"),
    [
        ("owner", "owner", 201),
        ("owner", "viewer", 201),
        ("admin", "owner", 403),
        ("admin", "admin", 201),
        ("member", "viewer", 403),
        ("viewer", "viewer", 403),
    ],
)
def test_roles_are_given_by_those_who_have_them(api: Api, people: People, caller: str, role: str, status: int) -> None:
    by = api.as_user(people.member(caller).token)
    assert by.post("/v1/members", {"email": "new@example.com", "role": role}).status == status


def test_no_key_makes_owners_and_a_narrow_one_makes_nobody(api: Api) -> None:
    owner = {"email": "new@example.com", "role": "owner"}
    assert api.as_key().post("/v1/members", owner).error.code == "escalation_refused"
    narrow = api.as_key(scopes=["settings:write"])
    assert narrow.post("/v1/members", {**owner, "role": "viewer"}).error.code == "escalation_refused"
    assert api.as_key(scopes=["settings:read"]).post("/v1/members", owner).error.code == "insufficient_permissions"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"email": "new@example.com"}, "role"),
        ({"email": "new@example.com", "role": "service"}, "role"),
        ({"email": "new", "role": "viewer"}, "email"),
        ({"email": "a b@example.com", "role": "viewer"}, "email"),
        ({"email": f"a@{'x' * 250}.com", "role": "viewer"}, "email"),
        ({"email": "new@example.com", "role": "viewer", "name": "N"}, "name"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, body: dict[str, object], param: str) -> None:
    refused = api.as_key().post("/v1/members", body)
    assert (refused.status, refused.error.param) == (400, param)


def test_an_invitation_is_to_the_callers_workspace(api: Api, world: World, people: People) -> None:
    email, token = people.stranger()
    other = world.workspace()
    made = api.as_key(workspace_id=other).post("/v1/members", {"email": email, "role": "viewer"}).body
    joined = api.as_user(token).post("/v1/invitations/accept", {"token": made["token"]})
    assert joined.body["workspace_id"] == other
