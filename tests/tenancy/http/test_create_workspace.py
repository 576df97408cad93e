"""POST /v1/workspaces"""

import pytest

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_whoever_signs_in_gets_a_workspace_and_a_key_that_works(api: Api, people: People) -> None:
    email, token = people.stranger()
    made = api.as_user(token).post("/v1/workspaces", {"name": "Acme & Sons", "mode": "sandbox"})
    assert made.status == 201
    assert (made.body["name"], made.body["mode"], made.body["plan"]) == ("Acme & Sons", "sandbox", "business")
    assert made.body["slug"].startswith("acme-sons")
    assert made.body["api_key"].startswith("op_sandbox_") and len(made.body["api_key"]) == 43
    with_key = api.with_headers(Authorization=f"Bearer {made.body['api_key']}")
    assert with_key.get("/v1/workspace").body["id"] == made.body["id"]
    members = with_key.get("/v1/members").body["data"]
    assert [(one["email"], one["role"]) for one in members] == [(email, "owner")]


def test_it_is_announced_and_audited_without_secrets(api: Api, people: People, world: World) -> None:
    _, token = people.stranger()
    made = api.as_user(token).post("/v1/workspaces", {"name": "Acme"}).body
    envelopes = world.envelopes(workspace_id=made["id"])
    assert [one.type for one in envelopes] == ["tenancy.workspace.created", "tenancy.api_key.created"]
    assert made["api_key"] not in "".join(one.model_dump_json() for one in envelopes)
    assert world.count("tenancy.audit_log", made["id"]) == 2
    hashes = world.admin.execute("SELECT count(*) FROM tenancy.api_keys WHERE api_keys::text LIKE %s", (f"%{made['api_key']}%",))
    assert hashes.fetchone() == (0,)


def test_two_workspaces_of_one_name_have_slugs_of_their_own(api: Api, people: People) -> None:
    _, token = people.stranger()
    slugs = {api.as_user(token).post("/v1/workspaces", {"name": "Twin"}).body["slug"] for _ in range(3)}
    assert len(slugs) == 3


def test_the_mode_is_test_unless_said_otherwise(api: Api, people: People) -> None:
    assert api.as_user(people.stranger()[1]).post("/v1/workspaces", {"name": "Acme"}).body["mode"] == "test"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a", "mode": "prod"}, "mode"),
        ({"name": "a", "owner": "me"}, "owner"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, people: People, body: dict[str, object], param: str) -> None:
    refused = api.as_user(people.stranger()[1]).post("/v1/workspaces", body)
    assert (refused.status, refused.error.param) == (400, param)


def test_a_text_that_cannot_be_stored_is_the_callers_error(api: Api, people: People) -> None:
    assert api.as_user(people.stranger()[1]).post("/v1/workspaces", {"name": "a\u0000b"}).status == 400


def test_a_key_makes_no_workspaces(api: Api) -> None:
    assert api.as_key().post("/v1/workspaces", {"name": "Acme"}).status == 403


def test_nobody_makes_none_either(api: Api) -> None:
    assert api.post("/v1/workspaces", {"name": "Acme"}).status == 401


@pytest.mark.parametrize("claims", [{"exp": 1}, {"aud": "another"}, {"iss": "https://evil.test"}])
def test_a_token_that_is_not_for_us_is_refused(api: Api, people: People, claims: dict[str, object]) -> None:
    token = people.token("a@example.com", **claims)
    assert api.as_user(token).post("/v1/workspaces", {"name": "Acme"}).status == 401
