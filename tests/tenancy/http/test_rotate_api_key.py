"""POST /v1/api_keys/{api_key_id}/rotate"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel import auth
from tests.support.api import Api
from tests.support.world import World


@pytest.fixture
def key(api: Api) -> dict[str, Any]:
    """A key to be rotated."""
    made: dict[str, Any] = api.as_key().post("/v1/api_keys", {"name": "k", "scopes": ["ledger:read"]}).body
    return made


def test_both_keys_work_until_the_overlap_ends(api: Api, world: World, key: dict[str, Any]) -> None:
    world.emitted()
    rotated = api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {"overlap_s": 3600})
    assert (rotated.status, rotated.body["rotated_from"], rotated.body["scopes"]) == (201, key["id"], ["ledger:read"])
    for secret in (key["api_key"], rotated.body["api_key"]):
        assert api.with_headers(Authorization=f"Bearer {secret}").get("/v1/ledger").status == 200
    old = {one["id"]: one for one in api.as_key().get("/v1/api_keys").body["data"]}[key["id"]]
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert world.emitted() == ["tenancy.api_key.rotated.v1"]
    world.admin.execute("UPDATE tenancy.api_keys SET expires_at = now() WHERE id = %s", (key["id"],))
    auth.forget_all()
    assert api.with_headers(Authorization=f"Bearer {key['api_key']}").get("/v1/ledger").error.code == "api_key_expired"


def test_the_overlap_is_a_day_unless_said_otherwise(api: Api, key: dict[str, Any]) -> None:
    api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {})
    old = {one["id"]: one for one in api.as_key().get("/v1/api_keys").body["data"]}[key["id"]]
    assert timedelta(hours=23) < datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC) <= timedelta(days=1)


def test_without_overlap_the_old_key_ends_at_once(api: Api, key: dict[str, Any]) -> None:
    api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {"overlap_s": 0})
    auth.forget_all()
    assert api.with_headers(Authorization=f"Bearer {key['api_key']}").get("/v1/ledger").status == 401


def test_an_overlap_never_prolongs_a_key_and_the_successor_lives_as_long(api: Api) -> None:
    expires_at = datetime.now(UTC) + timedelta(minutes=5)
    body = {"name": "short", "scopes": ["ledger:read"], "expires_at": expires_at.isoformat()}
    old = api.as_key().post("/v1/api_keys", body).body
    fresh = api.as_key().post(f"/v1/api_keys/{old['id']}/rotate", {"overlap_s": 3600}).body
    kept = {one["id"]: one for one in api.as_key().get("/v1/api_keys").body["data"]}[old["id"]]
    assert datetime.fromisoformat(kept["expires_at"]) == expires_at
    life = datetime.fromisoformat(fresh["expires_at"]) - datetime.fromisoformat(fresh["created_at"])
    assert timedelta(minutes=4) < life <= timedelta(minutes=5)


def test_a_key_cannot_prolong_itself(api: Api) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    body = {"name": "short", "scopes": ["api_keys:write"], "expires_at": end.isoformat()}
    old = api.as_key().post("/v1/api_keys", body).body
    by_itself = api.with_headers(Authorization=f"Bearer {old['api_key']}")
    fresh = by_itself.post(f"/v1/api_keys/{old['id']}/rotate", {"overlap_s": 0})
    assert datetime.fromisoformat(fresh.body["expires_at"]) == end


def test_a_key_has_one_successor(api: Api, key: dict[str, Any]) -> None:
    api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {})
    again = api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {})
    assert (again.status, again.error.code) == (409, "api_key_already_rotated")


def test_a_revoked_key_has_none(api: Api, key: dict[str, Any]) -> None:
    api.as_key().delete(f"/v1/api_keys/{key['id']}")
    assert api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {}).error.code == "api_key_revoked"


def test_rotating_is_no_way_to_more_scopes(api: Api, world: World) -> None:
    weak = api.as_key(scopes=["api_keys:write", "api_keys:read"])
    world.api_key(["admin:*"], world.workspace_id)
    full = next(one for one in weak.get("/v1/api_keys").body["data"] if one["scopes"] == ["admin:*"])
    refused = weak.post(f"/v1/api_keys/{full['id']}/rotate", {})
    assert (refused.status, refused.error.code) == (403, "escalation_refused")


@pytest.mark.parametrize("overlap_s", [-1, 7 * 86_400 + 1, "3600", None])
def test_the_overlap_has_bounds(api: Api, key: dict[str, Any], overlap_s: object) -> None:
    refused = api.as_key().post(f"/v1/api_keys/{key['id']}/rotate", {"overlap_s": overlap_s})
    assert (refused.status, refused.error.param) == (400, "overlap_s")


def test_the_scope_is_needed(api: Api, key: dict[str, Any]) -> None:
    assert api.as_key(scopes=["api_keys:read"]).post(f"/v1/api_keys/{key['id']}/rotate", {}).status == 403


def test_another_workspaces_key_does_not_exist(api: Api, world: World, key: dict[str, Any]) -> None:
    refused = api.as_key(workspace_id=world.workspace()).post(f"/v1/api_keys/{key['id']}/rotate", {})
    assert (refused.status, refused.error.code) == (404, "api_key_not_found")
