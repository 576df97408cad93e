"""Hours are told some minutes after their end: each meter's, once, with what was settled by then."""

from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel import outbox
from oppulence.metering import landing
from oppulence.metering.usage_event import SentEvent
from tests.metering.alerting import NOW, SUM, Alerting
from tests.metering.support import make
from tests.metering.usage import accept, land, queued, sent, settle, take
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World

CLOSED = "metering.usage.window_closed"


@pytest.fixture
def closing(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> Alerting:
    return Alerting(store, api, monkeypatch)


def close(closing: Alerting) -> list[dict[str, Any]]:
    """Run the schedule; returns what was told since the last run."""
    entry("metering.schedules.close_usage_windows")({}, None)
    return [one.data for one in closing.world.envelopes() if one.type == CLOSED]


def hours(found: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(one["slug"], one["window_start"], one["quantity"]) for one in found]


def test_an_hour_is_told_after_its_grace_and_once(closing: Alerting) -> None:
    closing.use("0.00000000000000000001", "a")
    closing.use("2", "b", NOW + timedelta(minutes=4))
    closing.move(hours=1, minutes=9)
    assert close(closing) == []
    closing.use("3", at=NOW + timedelta(minutes=59))  # late, and in time
    closing.move(minutes=1)
    (told,) = close(closing)
    assert told == {
        "meter_id": closing.meter["id"], "slug": "tokens", "window_start": "2026-03-14T12:00:00Z",
        "window_end": "2026-03-14T13:00:00Z", "quantity": "5.00000000000000000001", "settlement": told["settlement"],
    }  # fmt: skip
    assert close(closing) == []


def test_what_comes_later_is_not_told_again(closing: Alerting) -> None:
    closing.use(1)
    closing.move(hours=1, minutes=10)
    assert hours(close(closing)) == [("tokens", "2026-03-14T12:00:00Z", "1")]
    closing.use(1, at=NOW)
    closing.use(5)
    closing.move(hours=1)
    assert hours(close(closing)) == [("tokens", "2026-03-14T13:00:00Z", "5")]


def test_each_meter_with_usage_is_told_and_no_other(closing: Alerting, api: Api) -> None:
    make(api, effective_from=None)
    make(api, slug="idle", event_type="none")
    take(closing.world, sent("call", None, NOW), sent("bad", {"v": "text"}, NOW, type="llm"))
    closing.move(hours=1, minutes=10)
    assert hours(close(closing)) == [("calls", "2026-03-14T12:00:00Z", "1")]


def test_hours_that_were_missed_are_told_in_order(closing: Alerting) -> None:
    for hour in (0, 1, 4):
        closing.use(hour + 1, at=NOW + timedelta(hours=hour))
    closing.move(hours=6)
    found = hours(close(closing))
    assert found == [("tokens", f"2026-03-14T{12 + hour}:00:00Z", str(hour + 1)) for hour in (0, 1, 4)]


def test_usage_from_before_the_workspaces_first_meter_is_not_told(closing: Alerting) -> None:
    closing.use(1, at=NOW - timedelta(days=30))
    closing.use(2)
    closing.move(hours=2)
    assert hours(close(closing)) == [("tokens", "2026-03-14T12:00:00Z", "2")]


def test_an_hour_stays_open_while_something_is_not_settled(closing: Alerting) -> None:
    closing.use(1)
    land(closing.world, sent("waits", {"v": 2}, NOW, type="llm"))
    closing.world.admin.execute("UPDATE metering.batches SET landed_at = landed_at - interval '10 minutes'")
    closing.move(hours=2)
    assert close(closing) == []
    settle(closing.world)
    assert hours(close(closing)) == [("tokens", "2026-03-14T12:00:00Z", "3")]


def test_an_hour_stays_open_while_a_meter_counts_earlier_usage(closing: Alerting, api: Api) -> None:
    closing.use(1)
    make(api, **SUM | {"slug": "more"})
    closing.move(hours=2)
    assert close(closing) == []
    settle(closing.world)
    assert sorted(one[0] for one in hours(close(closing))) == ["more", "tokens"]


def wait(closing: Alerting, *events: SentEvent) -> list[landing.Accepted]:
    """Accept events, which wait in the queue."""
    accept(closing.world, *events)
    return queued()


def test_an_hour_stays_open_while_what_was_sent_waits_in_the_queue(closing: Alerting) -> None:
    closing.use(1)
    waits = wait(closing, sent("waits", {"v": 2}, NOW, type="llm"))
    closing.move(hours=1, minutes=10)
    assert close(closing) == []
    later = wait(closing, sent("later", {"v": 9}, type="llm", time=closing.clock.now))
    landing.land(waits)
    assert close(closing) == []
    settle(closing.world)
    assert hours(close(closing)) == [("tokens", "2026-03-14T12:00:00Z", "3")]
    closing.move(hours=1)
    assert close(closing) == []
    landing.land(later)
    settle(closing.world)
    assert hours(close(closing)) == [("tokens", "2026-03-14T13:00:00Z", "9")]


def test_an_hour_that_waits_is_told_before_later_ones(closing: Alerting) -> None:
    closing.use(1)
    waits = wait(closing, sent("waits", {"v": 2}, NOW, type="llm"))
    closing.move(hours=1, minutes=10)
    assert close(closing) == []
    closing.use(5)
    closing.move(hours=1)
    landing.land(waits)
    settle(closing.world)
    assert hours(close(closing)) == [("tokens", "2026-03-14T12:00:00Z", "3")]
    assert hours(close(closing)) == [("tokens", "2026-03-14T13:00:00Z", "5")]


def test_a_dead_letter_does_not_keep_hours_for_ever(closing: Alerting) -> None:
    closing.use(1)
    wait(closing, sent("dead", {"v": 2}, NOW, type="llm"))
    closing.move(hours=1, minutes=10)
    for hours_ago, told in ((0, 0), (5, 0), (7, 1)):
        closing.world.admin.execute(
            "UPDATE metering.closed_hours SET noted_at = now() - make_interval(hours => %s)", (hours_ago,)
        )
        assert len(close(closing)) == told


def test_hours_stay_open_while_nobody_knows_what_was_sent(closing: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    closing.use(1)
    closing.move(hours=2)
    with monkeypatch.context() as away:
        away.setenv("LIMITS_TABLE", "missing")
        assert close(closing) == []
    assert len(close(closing)) == 1


def test_a_level_is_told_in_hours_with_usage(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    closing = Alerting(store, api, monkeypatch, carry_over=True)
    closing.use(5)
    closing.use(2, at=NOW + timedelta(hours=2))
    closing.move(hours=4)
    assert [one[2] for one in hours(close(closing))] == ["5", "7"]


def test_two_that_close_at_once_tell_it_once(closing: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    from oppulence.metering import closings

    closing.use(1)
    closing.move(hours=2)
    real, calls = closings._facts, 0

    def between(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            entry("metering.schedules.close_usage_windows")({}, None)
        return real(*args)

    monkeypatch.setattr(closings, "_facts", between)
    assert len(close(closing)) == 1 and calls == 2


def test_one_that_is_killed_tells_it_once(closing: Alerting, monkeypatch: pytest.MonkeyPatch) -> None:
    closing.use(1)
    closing.move(hours=2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(outbox, "insert", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        close(closing)
    assert len(close(closing)) == 1 and close(closing) == []


def test_another_workspaces_usage_is_not_in_it(closing: Alerting) -> None:
    other = closing.world.workspace()
    assert closing.api.as_key(workspace_id=other).post("/v1/meters", SUM).status == 201
    closing.use(1)
    take(closing.world, sent("x", {"v": 100}, NOW, type="llm"), workspace_id=other)
    closing.move(hours=2)
    entry("metering.schedules.close_usage_windows")({}, None)
    mine = [one for one in closing.world.envelopes() if one.type == CLOSED]
    assert [one.data["quantity"] for one in mine] == ["1"]


def test_an_erased_workspace_is_not_closed(closing: Alerting) -> None:
    closing.use(1)
    erase = "UPDATE metering.workspaces SET erased_at = now() WHERE workspace_id = %s"
    closing.world.admin.execute(erase, (closing.world.workspace_id,))
    closing.move(hours=2)
    assert close(closing) == []
