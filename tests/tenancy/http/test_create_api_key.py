"""POST /v1/api_keys"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People

NEW = {"name": "reports", "scopes": ["ledger:read"]}


def test_a_key_works_with_its_scopes_and_is_shown_once(api: Api, world: World) -> None:
    made = api.as_key(scopes=["api_keys:write", "ledger:read"]).post("/v1/api_keys", NEW)
    assert made.status == 201
    key = made.body["api_key"]
    assert key.startswith("op_test_") and len(key) == 40 and made.body["prefix"] == key[:12]
    fresh = api.with_headers(Authorization=f"Bearer {key}")
    assert fresh.get("/v1/ledger").status == 200
    assert fresh.get("/v1/api_keys").status == 403
    listed = api.as_key(scopes=["api_keys:read"]).get("/v1/api_keys").body["data"]
    assert key not in str(listed)
    assert world.emitted() == ["tenancy.api_key.created.v1"]


def test_its_creation_is_audited(api: Api) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    entry = api.as_key().get("/v1/audit_events", action="api_key.created").body["data"][0]
    assert entry["resource"] == {"type": "api_key", "id": made["id"]}
    assert entry["actor"]["type"] == "api_key" and entry["actor"]["ip_address"] == "203.0.113.7"
    assert made["api_key"] not in str(entry)


def test_no_key_grants_more_than_its_maker_has(api: Api) -> None:
    refused = api.as_key(scopes=["api_keys:write"]).post("/v1/api_keys", NEW)
    assert (refused.status, refused.error.code, refused.error.param) == (403, "escalation_refused", "scopes")
    full = api.as_key(scopes=["api_keys:write", "ledger:read"]).post("/v1/api_keys", {"name": "all", "scopes": ["admin:*"]})
    assert full.error.code == "escalation_refused"


def test_a_key_with_an_end_makes_none_that_outlives_it(api: Api) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    body = {"name": "guest", "scopes": ["api_keys:write"], "expires_at": end.isoformat(), "rate_limit_per_minute": 100}
    guest = api.with_headers(Authorization=f"Bearer {api.as_key().post('/v1/api_keys', body).body['api_key']}")
    for change, param in (
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": (end + timedelta(seconds=1)).isoformat()}, "expires_at"),
        ({"rate_limit_per_minute": None}, "rate_limit_per_minute"),
        ({"rate_limit_per_minute": 101}, "rate_limit_per_minute"),
    ):
        refused = guest.post("/v1/api_keys", {**body, **change})
        assert (refused.status, refused.error.code, refused.error.param) == (403, "escalation_refused", param)
    assert guest.post("/v1/api_keys", body).status == 201


def test_people_make_keys_by_their_role(api: Api, people: People) -> None:
    assert api.as_user(people.member("admin").token).post("/v1/api_keys", NEW).status == 201
    assert api.as_user(people.member("member").token).post("/v1/api_keys", NEW).status == 403


def test_a_key_of_a_live_workspace_is_live(api: Api, world: World) -> None:
    made = api.as_key(workspace_id=world.workspace(mode="live")).post("/v1/api_keys", NEW)
    assert made.body["api_key"].startswith("op_live_")


def test_a_replay_has_no_secret(api: Api, world: World) -> None:
    caller = api.as_key()
    first = caller.post("/v1/api_keys", NEW, Idempotency_Key="once")
    again = caller.post("/v1/api_keys", NEW, Idempotency_Key="once")
    assert (again.status, again.body["api_key"], again.body["id"]) == (201, None, first.body["id"])
    reused = caller.post("/v1/api_keys", {**NEW, "name": "other"}, Idempotency_Key="once")
    assert (reused.status, reused.error.code) == (409, "idempotency_key_reused")


def test_an_expired_key_opens_nothing(api: Api, world: World) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = api.as_key().post("/v1/api_keys", {**NEW, "expires_at": later}).body
    world.admin.execute("UPDATE tenancy.api_keys SET expires_at = now() WHERE id = %s", (made["id"],))
    refused = api.with_headers(Authorization=f"Bearer {made['api_key']}").get("/v1/ledger")
    assert (refused.status, refused.error.code) == (401, "api_key_expired")


def test_its_own_limit_holds_under_the_plans(api: Api) -> None:
    made = api.as_key().post("/v1/api_keys", {**NEW, "rate_limit_per_minute": 2}).body
    caller = api.with_headers(Authorization=f"Bearer {made['api_key']}")
    assert [caller.get("/v1/ledger").status for _ in range(3)] == [200, 200, 429]


def test_the_day_of_last_use_is_kept(api: Api, world: World) -> None:
    made = api.as_key().post("/v1/api_keys", NEW).body
    assert made["last_used_on"] is None
    api.with_headers(Authorization=f"Bearer {made['api_key']}").get("/v1/ledger")
    used = {one["id"]: one["last_used_on"] for one in api.as_key().get("/v1/api_keys").body["data"]}
    assert used[made["id"]] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"name": "x"}, "invalid_parameter", "scopes"),
        ({"name": "x", "scopes": []}, "invalid_parameter", "scopes"),
        ({"name": "x", "scopes": "ledger:read"}, "invalid_parameter", "scopes"),
        ({"name": "x", "scopes": ["ledger:burn"]}, "unknown_scope", "scopes"),
        ({**NEW, "expires_at": "tomorrow"}, "invalid_parameter", "expires_at"),
        ({**NEW, "expires_at": "2040-01-01T00:00:00"}, "invalid_parameter", "expires_at"),
        ({**NEW, "expires_at": "2020-01-01T00:00:00Z"}, "expiry_in_the_past", "expires_at"),
        ({**NEW, "rate_limit_per_minute": 0}, "invalid_parameter", "rate_limit_per_minute"),
        ({**NEW, "rate_limit_per_minute": 1.5}, "invalid_parameter", "rate_limit_per_minute"),
        ({**NEW, "mode": "live"}, "invalid_parameter", "mode"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, body: dict[str, object], code: str, param: str) -> None:
    refused = api.as_key().post("/v1/api_keys", body)
    assert (refused.status, refused.error.code, refused.error.param) == (400, code, param)


def test_a_key_is_of_its_makers_workspace(api: Api, world: World) -> None:
    other = world.workspace()
    api.as_key().post("/v1/api_keys", NEW)
    assert world.count("tenancy.api_keys", other) == 0
