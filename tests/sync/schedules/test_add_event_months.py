"""Partitions of raw events stand ready before their month begins."""

from datetime import UTC, datetime

import pytest

from tests.support.entries import entry
from tests.support.world import World

NAMES = "SELECT count(*) FROM pg_class WHERE relname = ANY (%s)"


def test_the_coming_months_are_there_however_often_it_runs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oppulence.kernel.clock.now", lambda: datetime(2051, 11, 30, tzinfo=UTC))
    for _ in range(2):
        entry("sync.schedules.add_event_months")({}, None)
    names = [f"raw_events_{month}" for month in ("2051_11", "2051_12", "2052_01", "2052_02")]
    assert world.admin.execute(NAMES, (names,)).fetchone() == (4,)
