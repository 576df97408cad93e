"""Each hour another type has its turn, so that every type and day of the last three months is compared some time."""

from datetime import UTC, datetime, timedelta

from oppulence.sync import comparing
from tests.support import entries
from tests.support.world import World


def test_every_type_and_day_has_its_turn() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    seen = set()
    for hour in range(24 * 120):
        now = start + timedelta(hours=hour)
        kind, days = comparing.sample_of(now)
        assert days[0] == now.date() - timedelta(days=1)
        seen |= {(kind, (now.date() - day).days) for day in days}
    assert {kind for kind, _ in seen} == set(comparing.ADDED_UP)
    for kind in comparing.ADDED_UP:
        assert {age for one, age in seen if one == kind} == set(range(1, comparing.DAYS_BACK + 1))


def test_every_connection_is_asked_about_yesterday_and_another_day(world: World, connection_id: str) -> None:
    entries.entry("sync.schedules.request_comparisons")({}, None)
    asked = [one.data for one in world.envelopes() if one.type == "sync.comparison.requested"]
    assert len(asked) == 2 and {one["connection_id"] for one in asked} == {connection_id}
    assert len({one["day"] for one in asked}) == 2 and len({one["object_type"] for one in asked}) == 1
