"""GET /v1/members"""

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_members_and_invitations_are_listed(api: Api, people: People) -> None:
    owner = people.member("owner")
    api.as_user(owner.token).post("/v1/members", {"email": "new@example.com", "role": "viewer"})
    listed = api.as_key(scopes=["settings:read"]).get("/v1/members").body["data"]
    assert [(one["status"], one["email"], one["role"]) for one in listed] == [
        ("invited", "new@example.com", "viewer"),
        ("active", owner.email, "owner"),
    ]
    assert api.as_key().get("/v1/members", status="active").body["data"] == listed[1:]
    assert api.as_key().get("/v1/members", status="invited").body["data"] == listed[:1]


def test_reading_it_is_audited(api: Api) -> None:
    api.as_key().get("/v1/members")
    entry = api.as_key().get("/v1/audit_events", action="personal_data.read", resource_type="member").body["data"][0]
    assert entry["resource"]["type"] == "member"


def test_pages_hold_everybody_once(api: Api, people: People) -> None:
    ids = {people.member("viewer").member_id for _ in range(3)}
    first = api.as_key().get("/v1/members", limit=2).body
    second = api.as_key().get("/v1/members", limit=2, cursor=first["pagination"]["next_cursor"]).body
    assert {one["id"] for one in first["data"] + second["data"]} == ids
    assert second["pagination"] == {"has_more": False, "next_cursor": None}


def test_a_cursor_of_other_filters_is_refused(api: Api, people: People) -> None:
    for _ in range(2):
        people.member("viewer")
    cursor = api.as_key().get("/v1/members", limit=1).body["pagination"]["next_cursor"]
    assert api.as_key().get("/v1/members", limit=1, cursor=cursor, status="active").error.code == "invalid_cursor"
    assert api.as_key().get("/v1/members", status="gone").error.param == "status"


def test_the_scope_is_needed(api: Api, people: People) -> None:
    assert api.as_key(scopes=["settings:write"]).get("/v1/members").status == 403
    assert api.as_user(people.member("member").token).get("/v1/members").status == 403


def test_another_workspaces_people_are_not_listed(api: Api, world: World, people: People) -> None:
    people.member("owner")
    assert api.as_key(workspace_id=world.workspace()).get("/v1/members").body["data"] == []
