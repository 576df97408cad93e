"""Schedules export each period once, some minutes after it; what nobody works on is taken up."""

from datetime import timedelta
from typing import Any

import pytest

from oppulence.metering import landing
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import writing
from oppulence.metering.exports.store import AWAITED_S
from tests.metering.exporting import CONSUMER, PATH, ask, read, run, show
from tests.metering.usage import accept, land, queued, sent, settle, take
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


class Hour:
    """An hour of a workspace, of which an export is made a quarter of an hour after its end."""

    def __init__(self, world: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.api, self.clock = world, api, StandingClock(monkeypatch)
        self.schedule = ask(api, schedule="hour")

    def end(self) -> None:
        """It is over, and what came late has come."""
        self.clock.set(START + timedelta(hours=1, minutes=15))
        start()

    def tried(self) -> list[str] | None:
        """Ids of the events in its export once that is written; None while it waits."""
        for one in self.world.envelopes():
            if one.type == UsageExportRequested.type:
                self.asked = one
        waits = self.world.deliver(CONSUMER, self.asked)
        (summary,) = self.api.as_key().get(PATH, schedule_id=self.schedule["id"]).body["data"]
        export = show(self.api, summary["id"])
        assert (export["status"], export["error"]) == ("running" if waits else "completed", None)
        return None if waits else sorted(one["id"] for one in read(export))


@pytest.fixture
def hour(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> Hour:
    return Hour(store, api, monkeypatch)


def test_it_waits_for_what_landed_in_time_and_is_not_settled(hour: Hour) -> None:
    take(hour.world, sent("settled", time=START))
    land(hour.world, sent("landed", time=START))
    hour.end()
    assert [hour.tried() for _ in range(writing.MAX_FAILURES + 1)] == [None] * (writing.MAX_FAILURES + 1), "no failures"
    settle(hour.world)
    land(hour.world, sent("later", time=START))
    assert hour.tried() == ["landed", "settled"], "and for nothing that came since"


def test_it_waits_for_what_was_accepted_in_time_and_is_on_its_way(hour: Hour) -> None:
    take(hour.world, sent("settled", time=START))
    accept(hour.world, sent("accepted", time=START))
    on_their_way = queued()
    hour.end()
    accept(hour.world, sent("later", time=START))
    assert hour.tried() is None
    landing.land(on_their_way)
    assert hour.tried() is None, "it has not settled"
    settle(hour.world)
    assert hour.tried() == ["accepted", "settled"]


def test_what_never_lands_is_waited_for_some_hours(hour: Hour) -> None:
    take(hour.world, sent("settled", time=START))
    accept(hour.world, sent("dead", time=START))
    queued()
    hour.end()
    assert hour.tried() is None
    hour.world.admin.execute("UPDATE metering.exports SET made_at = made_at - %s * interval '1 second'", (AWAITED_S,))
    assert hour.tried() == ["settled"]


def test_the_first_events_of_a_workspace_are_waited_for_too(hour: Hour) -> None:
    accept(hour.world, sent("first", time=START))
    hour.end()
    assert hour.tried() is None
    landing.land(queued())
    settle(hour.world)
    assert hour.tried() == ["first"]


def test_none_is_made_while_nobody_knows_what_was_sent(hour: Hour, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as silent:
        silent.setenv("LIMITS_TABLE", "nowhere")
        hour.end()
    assert made(hour.api, hour.schedule) == []
    start()
    assert hour.tried() == []


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
