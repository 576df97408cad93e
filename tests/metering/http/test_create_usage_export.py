"""POST /v1/usage_exports"""

from typing import Any

import pytest

from oppulence.metering.exports import requests
from tests.metering.exporting import DAY, PATH, ask
from tests.metering.support import TOKENS, make
from tests.support.api import Api
from tests.support.standing_clock import StandingClock
from tests.support.world import World


def test_it_is_taken_and_its_work_is_asked_for(api: Api, world: World) -> None:
    made = ask(api, format="parquet", subjects=["Jo"])
    assert (made["kind"], made["format"], made["status"], made["schedule"]) == ("events", "parquet", "running", None)
    assert (made["from"], made["to"], made["selection"]["subjects"]) == (DAY["from"], DAY["to"], ["Jo"])
    assert made["progress"] == {"done": 0, "total": None, "percent": None} and made["settlement"] is None
    (asked,) = world.envelopes()
    assert (asked.type, asked.data) == ("metering.usage_export.requested", {"export_id": made["id"], "from_file": 1})
    row = world.admin.execute("SELECT action, changes FROM tenancy.audit_log WHERE resource_id = %s", (made["id"],)).fetchone()
    assert row is not None and row[0] == "usage_export.requested" and "Jo" not in str(row[1])


@pytest.mark.parametrize(
    ("every", "time_zone", "next_at"),
    [("hour", "UTC", "2026-01-05T13:00:00Z"), ("hour", "Asia/Kolkata", "2026-01-05T12:30:00Z"),
     ("day", "Europe/Vienna", "2026-01-05T23:00:00Z"), ("month", "America/New_York", "2026-02-01T05:00:00Z")],
)  # fmt: skip
def test_a_schedule_begins_with_the_present_period(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch, every: str, time_zone: str, next_at: str
) -> None:
    StandingClock(monkeypatch)
    made = ask(api, schedule=every, time_zone=time_zone)
    assert (made["status"], made["schedule"], made["next_at"], made["from"]) == ("scheduled", every, next_at, None)
    assert world.envelopes() == [], "there is nothing to write yet"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"schedule": "day"} | DAY, "invalid_usage_export", "schedule"),
        ({}, "invalid_usage_export", "from"),
        ({"from": DAY["from"]}, "invalid_usage_export", "from"),
        ({"from": DAY["to"], "to": DAY["from"]}, "invalid_period", "to"),
        ({"from": "2026-03-14T00:00:00.5Z", "to": DAY["to"]}, "invalid_period", "from"),
        (DAY | {"from": "2026-03-14T00:00:00"}, "invalid_parameter", "from"),
        (DAY | {"time_zone": "Mars/Base"}, "unknown_time_zone", "time_zone"),
        (DAY | {"meters": ["a"]}, "invalid_usage_export", "meters"),
        (DAY | {"group_by": ["a"]}, "invalid_usage_export", "group_by"),
        (DAY | {"window_size": "DAY"}, "invalid_usage_export", "window_size"),
        (DAY | {"subjects": []}, "invalid_usage_export", "subjects"),
        (DAY | {"event_types": []}, "invalid_usage_export", "event_types"),
        (DAY | {"kind": "windows", "event_types": ["a"]}, "invalid_usage_export", "event_types"),
        (DAY | {"kind": "windows", "meters": ["no_such"]}, "meter_not_found", None),
        (DAY | {"kind": "windows", "meters": ["tokens"], "group_by": ["colour"]}, "invalid_usage_export", "group_by"),
        ({"kind": "windows", "window_size": "MINUTE", "from": "1980-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
         "too_many_windows", "window_size"),
        (DAY | {"format": "xlsx"}, "invalid_parameter", "format"),
        (DAY | {"limit": 1}, "invalid_parameter", "limit"),
    ],
)  # fmt: skip
def test_what_holds_nothing_or_too_much_is_refused(
    api: Api, world: World, body: dict[str, Any], code: str, param: str | None
) -> None:
    make(api, **TOKENS)
    answer = api.as_key().post(PATH, {"kind": "events"} | body)
    assert answer.status == (404 if code == "meter_not_found" else 400)
    assert (answer.error.code, answer.error.param) == (code, param)
    assert world.count("metering.exports") == 0


def test_windows_take_meters_sizes_and_groups(api: Api) -> None:
    make(api, **TOKENS)
    made = ask(
        api, kind="windows", meters=["tokens"], window_size="HOUR", group_by=["subject", "model"], time_zone="Europe/Vienna"
    )
    assert made["selection"]["group_by"] == ["subject", "model"] and made["selection"]["window_size"] == "HOUR"


def test_no_more_run_or_stand_than_may(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_RUNNING", 1)
    monkeypatch.setattr(requests, "MAX_SCHEDULES", 1)
    for body in ({}, {"schedule": "day"}):
        ask(api, **body)
        answer = api.as_key().post(PATH, {"kind": "events", **(body or DAY)})
        assert (answer.status, answer.error.code) == (429, "too_many_usage_exports") and "Retry-After" in answer.headers


def test_an_idempotency_key_makes_one(api: Api, world: World) -> None:
    first, second = (api.as_key().post(PATH, {"kind": "events"} | DAY, Idempotency_Key="once") for _ in range(2))
    assert first.body == second.body and world.count("metering.exports") == 1


def test_a_key_without_the_scope_and_another_workspace_make_none(api: Api, world: World) -> None:
    assert api.as_key(["usage:read"]).post(PATH, {"kind": "events"} | DAY).status == 403
    make(api, **TOKENS)
    other = api.as_key(workspace_id=world.workspace())
    assert other.post(PATH, {"kind": "windows", "meters": ["tokens"]} | DAY).status == 404
