"""POST /v1/invitations/accept"""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


@pytest.fixture
def invited(api: Api, people: People) -> tuple[str, str, str]:
    """Address and token of a stranger, and the token of the invitation."""
    email, token = people.stranger()
    made = api.as_key().post("/v1/members", {"email": email.upper(), "role": "member"})
    return email, token, made.body["token"]


def accept(api: Api, user: str, token: Any) -> Any:
    return api.as_user(user).post("/v1/invitations/accept", {"token": token})


def test_the_invited_person_becomes_a_member(api: Api, world: World, people: People, invited: tuple[str, str, str]) -> None:
    email, user, token = invited
    assert api.as_user(user).get("/v1/ledger").status == 403
    joined = accept(api, user, token)
    assert (joined.status, joined.body["workspace_id"], joined.body["role"]) == (201, world.workspace_id, "member")
    assert api.as_user(user).get("/v1/ledger").status == 200
    listed = api.as_key().get("/v1/members").body["data"]
    assert [(one["id"], one["status"], one["email"]) for one in listed] == [(joined.body["id"], "active", email)]
    assert world.emitted() == ["tenancy.member.invited.v1", "tenancy.member.joined.v1"]


def test_an_invitation_is_used_once(api: Api, invited: tuple[str, str, str]) -> None:
    _, user, token = invited
    accept(api, user, token)
    again = accept(api, user, token)
    assert (again.status, again.error.code) == (404, "invitation_not_found")


def test_another_person_cannot_use_it(api: Api, people: People, invited: tuple[str, str, str]) -> None:
    email, _, token = invited
    for user in (people.stranger()[1], people.token(email, email_verified=False), people.token(email, email=None)):
        refused = accept(api, user, token)
        assert (refused.status, refused.error.code) == (403, "invitation_for_another")


def test_after_seven_days_it_is_void(api: Api, world: World, invited: tuple[str, str, str]) -> None:
    _, user, token = invited
    life = world.admin.execute(
        "SELECT extract(day FROM expires_at - created_at) FROM tenancy.invitations WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert life == (7,)
    world.admin.execute("UPDATE tenancy.invitations SET expires_at = now() WHERE workspace_id = %s", (world.workspace_id,))
    refused = accept(api, user, token)
    assert (refused.status, refused.error.code) == (409, "invitation_expired")


def test_somebody_who_came_by_another_address_is_not_joined_twice(api: Api, world: World, people: People) -> None:
    member = people.member("viewer")
    made = api.as_key().post("/v1/members", {"email": "second@example.com", "role": "admin"}).body
    refused = accept(api, people.token(member.email, email="second@example.com"), made["token"])
    assert (refused.status, refused.error.code) == (409, "already_member")


def test_a_workspace_that_is_being_deleted_takes_nobody(api: Api, people: People, invited: tuple[str, str, str]) -> None:
    _, user, token = invited
    api.as_user(people.member("owner").token).delete("/v1/workspace")
    assert accept(api, user, token).error.code == "invitation_not_found"


@pytest.mark.parametrize(("token", "status"), [("opi_wrong", 404), ("", 400), (7, 400), ("x" * 201, 400), (None, 400)])
def test_a_wrong_token_opens_nothing(api: Api, people: People, token: object, status: int) -> None:
    assert accept(api, people.stranger()[1], token).status == status


def test_a_key_cannot_accept(api: Api, invited: tuple[str, str, str]) -> None:
    assert api.as_key().post("/v1/invitations/accept", {"token": invited[2]}).status == 403
    assert api.post("/v1/invitations/accept", {"token": invited[2]}).status == 401


def test_a_member_of_several_workspaces_names_one(api: Api, world: World, people: People, invited: tuple[str, str, str]) -> None:
    _, user, token = invited
    other = world.workspace()
    accept(api, user, token)
    email = invited[0]
    accept(api, user, api.as_key(workspace_id=other).post("/v1/members", {"email": email, "role": "viewer"}).body["token"])
    refused = api.as_user(user).get("/v1/ledger")
    assert (refused.status, refused.error.param) == (403, "X-Workspace-Id")
    assert api.as_user(user, other).get("/v1/ledger").status == 200
