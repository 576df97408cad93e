"""DELETE /v1/workspace"""

import json
import os
from datetime import datetime, timedelta

import pytest

from oppulence.kernel import auth, aws
from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import People


def test_an_owner_schedules_it_after_an_export(api: Api, world: World, people: People) -> None:
    owner = people.member("owner")
    api.as_key().put("/v1/feature_flags/beta", {"enabled": True})
    gone = api.as_user(owner.token).delete("/v1/workspace")
    assert (gone.status, gone.body["status"]) == (202, "deleting")
    due_at = datetime.fromisoformat(gone.body["deletion_due_at"])
    assert due_at - datetime.fromisoformat(gone.body["updated_at"]) == timedelta(days=30)
    assert world.emitted() == ["tenancy.workspace.deletion_scheduled.v1"]

    key = f"exports/{world.workspace_id}/tenancy.ndjson"
    text = aws.client("s3").get_object(Bucket=os.environ["BUCKET"], Key=key)["Body"].read().decode()
    rows = [json.loads(line) for line in text.splitlines()]
    kinds = {row["kind"] for row in rows}
    assert kinds == {"workspace", "member", "api_key", "feature_flag", "audit_event"}
    assert [row["email"] for row in rows if row["kind"] == "member"] == [owner.email]
    assert "hash" not in text and "wrapped" not in text


def test_from_then_on_the_workspace_refuses_requests(api: Api, people: People) -> None:
    owner = api.as_user(people.member("owner").token)
    owner.delete("/v1/workspace")
    auth.forget_all()
    for refused in (api.as_key().get("/v1/api_keys"), owner.get("/v1/members")):
        assert (refused.status, refused.error.code) == (403, "workspace_deleted")


def test_the_delay_is_a_setting(api: Api, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELETION_DELAY_DAYS", "3")
    gone = api.as_user(people.member("owner").token).delete("/v1/workspace")
    due_at, at = (datetime.fromisoformat(gone.body[name]) for name in ("deletion_due_at", "updated_at"))
    assert due_at - at == timedelta(days=3)


def test_it_is_scheduled_once(api: Api, world: World, people: People) -> None:
    owner = api.as_user(people.member("owner").token)
    first = owner.delete("/v1/workspace")
    again = owner.delete("/v1/workspace")
    assert (first.status, again.status, again.error.code) == (202, 409, "deletion_scheduled")
    assert world.emitted() == ["tenancy.workspace.deletion_scheduled.v1"]


def test_neither_a_key_nor_an_admin_may(api: Api, people: People) -> None:
    for caller in (api.as_key(), api.as_user(people.member("admin").token)):
        refused = caller.delete("/v1/workspace")
        assert (refused.status, refused.error.code) == (403, "owner_required")
    assert api.as_key(scopes=["settings:write"]).delete("/v1/workspace").status == 403


def test_a_repeat_gets_the_same_answer(api: Api, people: People) -> None:
    owner, admin = api.as_user(people.member("owner").token), api.as_user(people.member("admin").token)
    for caller, status, key in ((admin, 403, "a"), (owner, 202, "o")):
        first, again = (caller.delete("/v1/workspace", Idempotency_Key=key) for _ in range(2))
        assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (status, status, "true")
        if status == 202:
            assert first.body == again.body


def test_an_owner_of_another_workspace_may_not(api: Api, world: World, people: People) -> None:
    owner = people.member("owner", world.workspace())
    assert api.as_user(owner.token, world.workspace_id).delete("/v1/workspace").status == 403
    assert api.as_key().get("/v1/workspace").body["status"] == "active"
