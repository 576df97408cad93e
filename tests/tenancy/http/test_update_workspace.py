"""PATCH /v1/workspace"""

import pytest

from tests.support.api import Api
from tests.support.world import World


def test_only_what_is_sent_changes(api: Api) -> None:
    caller = api.as_key(scopes=["settings:write"])
    first = caller.patch("/v1/workspace", {"settings": {"test_recipients": ["*@example.com"]}})
    recipients = {"test_recipients": ["*@example.com"]}
    assert (first.status, first.body["settings"]) == (200, recipients | {"time_zone": "UTC", "usage_max_age_days": None})
    second = caller.patch("/v1/workspace", {"name": "Ajax", "settings": {"time_zone": "Europe/Berlin", "usage_max_age_days": 90}})
    assert second.body["settings"] == recipients | {"time_zone": "Europe/Berlin", "usage_max_age_days": 90}
    assert (
        caller.patch("/v1/workspace", {"settings": {"usage_max_age_days": None}}).body["settings"]["usage_max_age_days"] is None
    )
    assert second.body["name"] == "Ajax"


def test_the_audit_log_tells_what_changed_with_recipients_sealed(api: Api, world: World) -> None:
    api.as_key().patch("/v1/workspace", {"name": "Ajax", "settings": {"test_recipients": ["bob@example.com"]}})
    entry = api.as_key().get("/v1/audit_events", action="workspace.settings_updated").body["data"][0]
    assert (entry["changes"]["before"]["name"], entry["changes"]["after"]["name"]) == ("Acme", "Ajax")
    assert entry["personal"] == {"test_recipients": {"before": [], "after": ["bob@example.com"]}}
    stored = world.admin.execute("SELECT changes::text FROM tenancy.audit_log WHERE id = %s", (entry["id"],)).fetchone()
    assert stored is not None and "bob" not in str(stored[0])


def test_a_change_of_nothing_is_not_audited(api: Api, world: World) -> None:
    assert api.as_key().patch("/v1/workspace", {}).status == 200
    assert api.as_key().patch("/v1/workspace", {"name": "Acme", "settings": {}}).status == 200
    assert world.count("tenancy.audit_log") == 0


def test_another_workspace_keeps_its_name(api: Api, world: World) -> None:
    other = world.workspace()
    api.as_key().patch("/v1/workspace", {"name": "Ajax"})
    assert api.as_key(workspace_id=other).get("/v1/workspace").body["name"] == "Acme"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"name": ""}, "invalid_parameter", "name"),
        ({"plan": "enterprise"}, "invalid_parameter", "plan"),
        ({"settings": {"theme": "dark"}}, "invalid_parameter", "settings.theme"),
        ({"settings": {"time_zone": "Mars/Olympus"}}, "unknown_time_zone", "settings.time_zone"),
        ({"settings": {"time_zone": None}}, "invalid_parameter", "settings.time_zone"),
        ({"settings": {"usage_max_age_days": 0}}, "invalid_parameter", "settings.usage_max_age_days"),
        ({"settings": {"test_recipients": ["no address"]}}, "invalid_parameter", "settings.test_recipients.0"),
        ({"settings": {"test_recipients": ["a@b"] * 101}}, "invalid_parameter", "settings.test_recipients"),
        ([], "invalid_parameter", "body"),
    ],
)
def test_what_cannot_be_used_is_named(api: Api, body: object, code: str, param: str) -> None:
    refused = api.as_key().patch("/v1/workspace", body)
    assert (refused.status, refused.error.code, refused.error.param) == (400, code, param)


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    assert api.as_key().send("PATCH", "/v1/workspace", b"{").error.code == "invalid_body"


def test_reading_is_not_writing(api: Api) -> None:
    assert api.as_key(scopes=["settings:read"]).patch("/v1/workspace", {"name": "Ajax"}).status == 403


def test_a_repeat_with_the_same_key_changes_nothing_again(api: Api, world: World) -> None:
    caller = api.as_key()
    first = caller.patch("/v1/workspace", {"name": "Ajax"}, Idempotency_Key="k1")
    again = caller.patch("/v1/workspace", {"name": "Ajax"}, Idempotency_Key="k1")
    assert first.body == again.body and again.headers["Idempotent-Replayed"] == "true"
    assert world.count("tenancy.audit_log") == 1
