"""Schedules export each period once, some minutes after it; what nobody works on is taken up."""

from datetime import timedelta
from typing import Any

import pytest

from tests.metering.exporting import PATH, ask, read, run, show
from tests.metering.usage import sent, take
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.standing_clock import START, StandingClock
from tests.support.world import World


def start() -> None:
    entry("metering.schedules.start_usage_exports")({}, None)


def made(api: Api, schedule: dict[str, Any]) -> list[tuple[str, str]]:
    """Periods of the exports that a schedule made."""
    return sorted((one["from"], one["to"]) for one in api.as_key().get(PATH, schedule_id=schedule["id"]).body["data"])


def test_each_hour_is_exported_once_after_its_grace(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StandingClock(monkeypatch)
    schedule = ask(api, schedule="hour", format="parquet", event_types=["api.call"])
    clock.set(START + timedelta(hours=1, minutes=14))
    start()
    assert made(api, schedule) == []
    take(store, sent("in", time=START), sent("before", time=START - timedelta(seconds=1)))
    clock.move(timedelta(minutes=1))
    for _ in range(2):
        start()
    hour = ("2026-01-05T12:00:00Z", "2026-01-05T13:00:00Z")
    assert made(api, schedule) == [hour] and show(api, schedule["id"])["next_at"] == "2026-01-05T14:00:00Z"
    run(store)
    (summary,) = api.as_key().get(PATH, schedule_id=schedule["id"]).body["data"]
    assert (summary["format"], summary["selection"]["event_types"], summary["status"]) == ("parquet", ["api.call"], "completed")
    assert [one["id"] for one in read(show(api, summary["id"]))] == ["in"]


def test_what_was_missed_is_made_up_for_in_order(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StandingClock(monkeypatch)
    schedule = ask(api, schedule="day", time_zone="Europe/Vienna")
    clock.set(START + timedelta(days=3))
    for _ in range(5):
        start()
    assert made(api, schedule) == [(f"2026-01-0{day - 1}T23:00:00Z", f"2026-01-0{day}T23:00:00Z") for day in (5, 6, 7)]


def test_two_at_once_make_one(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StandingClock(monkeypatch)
    schedule = ask(api, schedule="month")
    clock.set(START + timedelta(days=40))
    start()
    world.admin.execute("UPDATE metering.exports SET next_at = '2026-02-01 00:00Z' WHERE id = %s", (schedule["id"],))
    start()
    assert made(api, schedule) == [("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")]
    assert world.emitted() == ["metering.usage_export.requested.v1"]


def test_an_export_that_nobody_works_on_is_taken_up(store: World, api: Api) -> None:
    asked = ask(api)
    store.envelopes()  # its request is lost
    start()
    assert store.envelopes() == [], "it may still come"
    store.admin.execute("UPDATE metering.exports SET touched_at = now() - interval '11 minutes' WHERE id = %s", (asked["id"],))
    start()
    start()
    assert run(store) == ["metering.usage_export.completed"]
    assert show(api, asked["id"])["status"] == "completed"
