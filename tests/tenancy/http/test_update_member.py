"""PATCH /v1/members/{member_id}"""

import pytest

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_an_owner_changes_a_role(api: Api, people: People) -> None:
    owner, member = people.member("owner"), people.member("viewer")
    changed = api.as_user(owner.token).patch(f"/v1/members/{member.member_id}", {"role": "admin"})
    assert (changed.status, changed.body["role"], changed.body["email"]) == (200, "admin", member.email)
    assert api.as_user(member.token).get("/v1/members").status == 200
    entry = api.as_key().get("/v1/audit_events", action="rbac.role_changed").body["data"][0]
    assert entry["changes"] == {"before": {"role": "viewer"}, "after": {"role": "admin"}}
    assert entry["actor"]["id"] == owner.user_id


def test_the_last_owner_stays(api: Api, people: People) -> None:
    owner = people.member("owner")
    refused = api.as_user(owner.token).patch(f"/v1/members/{owner.member_id}", {"role": "admin"})
    assert (refused.status, refused.error.code) == (409, "last_owner")
    people.member("owner")
    assert api.as_user(owner.token).patch(f"/v1/members/{owner.member_id}", {"role": "admin"}).status == 200


@pytest.mark.parametrize(
    ("caller", "present", "wanted"),
    [("admin", "viewer", "owner"), ("admin", "owner", "viewer"), ("member", "viewer", "member"), ("viewer", "viewer", "viewer")],
)
def test_nobody_gives_or_takes_more_than_they_have(api: Api, people: People, caller: str, present: str, wanted: str) -> None:
    people.member("owner")
    member = people.member(present)
    refused = api.as_user(people.member(caller).token).patch(f"/v1/members/{member.member_id}", {"role": wanted})
    assert refused.status == 403


def test_nobody_raises_themselves(api: Api, people: People) -> None:
    people.member("owner")
    admin = people.member("admin")
    assert api.as_user(admin.token).patch(f"/v1/members/{admin.member_id}", {"role": "owner"}).status == 403
    assert api.as_user(admin.token).patch(f"/v1/members/{admin.member_id}", {"role": "viewer"}).status == 200


def test_keys_leave_owners_alone(api: Api, people: People) -> None:
    people.member("owner")
    owner, viewer = people.member("owner"), people.member("viewer")
    assert api.as_key().patch(f"/v1/members/{owner.member_id}", {"role": "viewer"}).error.code == "escalation_refused"
    assert api.as_key().patch(f"/v1/members/{viewer.member_id}", {"role": "owner"}).error.code == "escalation_refused"
    assert api.as_key().patch(f"/v1/members/{viewer.member_id}", {"role": "member"}).status == 200


@pytest.mark.parametrize("body", [{}, {"role": "king"}, {"role": None}, {"role": "admin", "email": "x@example.com"}])
def test_what_cannot_be_used_is_refused(api: Api, people: People, body: dict[str, object]) -> None:
    assert api.as_key().patch(f"/v1/members/{people.member('viewer').member_id}", body).status == 400


def test_the_scope_is_needed(api: Api, people: People) -> None:
    member = people.member("viewer")
    assert api.as_key(scopes=["settings:read"]).patch(f"/v1/members/{member.member_id}", {"role": "member"}).status == 403


def test_another_workspaces_member_does_not_exist(api: Api, world: World, people: People) -> None:
    member = people.member("viewer")
    refused = api.as_key(workspace_id=world.workspace()).patch(f"/v1/members/{member.member_id}", {"role": "member"})
    assert (refused.status, refused.error.code) == (404, "member_not_found")
