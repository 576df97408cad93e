"""GET /v1/audit_events"""

from datetime import UTC, datetime, timedelta

import pytest

from oppulence.kernel import crypto
from oppulence.tenancy import audit_log
from tests.support.api import Api
from tests.support.world import World

EVERYTHING = dict.fromkeys(("action", "actor_id", "resource_type", "resource_id", "since", "until"))


def test_entries_say_who_did_what_from_where(api: Api) -> None:
    caller = api.as_key().with_headers(User_Agent="curl/8")
    caller.put("/v1/feature_flags/beta", {"enabled": True})
    entry = api.as_key(scopes=["settings:read"]).get("/v1/audit_events", action="feature_flag.changed").body["data"][0]
    assert entry["actor"]["ip_address"] == "203.0.113.7" and entry["actor"]["user_agent"] == "curl/8"
    assert entry["resource"] == {"type": "feature_flag", "id": "beta"}
    assert entry["changes"]["after"] == {"enabled": True, "description": ""}


def test_every_reading_is_an_entry(api: Api) -> None:
    caller = api.as_key()
    caller.get("/v1/audit_events")
    reads = caller.get("/v1/audit_events", action="personal_data.read", resource_type="audit_event").body["data"]
    assert len(reads) == 2


def test_filters_narrow_it(api: Api) -> None:
    caller = api.as_key()
    for name in ("alpha", "beta"):
        caller.put(f"/v1/feature_flags/{name}", {"enabled": True})
    one = caller.get("/v1/audit_events", resource_id="beta").body["data"]
    assert [entry["resource"]["id"] for entry in one] == ["beta"]
    actor = one[0]["actor"]["id"]
    assert {e["actor"]["id"] for e in caller.get("/v1/audit_events", actor_id=actor).body["data"]} == {actor}
    assert caller.get("/v1/audit_events", actor_id="key_other").body["data"] == []
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert caller.get("/v1/audit_events", since=later).body["data"] == []
    assert caller.get("/v1/audit_events", until=one[0]["occurred_at"], resource_id="beta").body["data"] == []
    assert len(caller.get("/v1/audit_events", since=one[0]["occurred_at"], resource_id="beta").body["data"]) == 1


def test_pages_hold_every_entry_once_while_reading_adds_more(api: Api) -> None:
    caller = api.as_key()
    for n in range(5):
        caller.put(f"/v1/feature_flags/f{n}", {"enabled": True})
    seen: list[str] = []
    page = caller.get("/v1/audit_events", limit=2).body
    while True:
        seen += [one["id"] for one in page["data"]]
        if not page["pagination"]["has_more"]:
            break
        page = caller.get("/v1/audit_events", limit=2, cursor=page["pagination"]["next_cursor"]).body
    assert len(seen) == len(set(seen)) == 6


def test_once_the_key_is_gone_the_entry_stays_without_its_personal_part(api: Api, world: World) -> None:
    api.as_key().post("/v1/members", {"email": "new@example.com", "role": "viewer"})
    world.admin.execute("DELETE FROM tenancy.data_keys WHERE workspace_id = %s", (world.workspace_id,))
    crypto.forget_all()
    entries = world.within("tenancy", lambda uow: audit_log.entries(uow, EVERYTHING, None, 10))
    assert [entry.action for entry in entries] == ["user.invited"]
    assert entries[0].actor.ip_address is None and entries[0].personal is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("since", "2026-01-01T00:00:00"),
        ("until", "9 o'clock"),
        ("action", ""),
        ("limit", 0),
        ("who", "me"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, name: str, value: object) -> None:
    refused = api.as_key().get("/v1/audit_events", **{name: value})
    assert (refused.status, refused.error.param) == (400, name)


def test_a_bad_cursor_is_refused(api: Api) -> None:
    assert api.as_key().get("/v1/audit_events", cursor="e30").error.code == "invalid_cursor"


def test_the_scope_is_needed(api: Api) -> None:
    assert api.as_key(scopes=["settings:write"]).get("/v1/audit_events").status == 403


def test_another_workspaces_entries_are_not_listed(api: Api, world: World) -> None:
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    theirs = api.as_key(workspace_id=world.workspace()).get("/v1/audit_events").body["data"]
    assert {entry["action"] for entry in theirs} == {"personal_data.read"}
