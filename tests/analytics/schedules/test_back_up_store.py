"""ClickHouse is asked once a day to write itself to S3; where there is none, or no place for it, nothing happens."""

import pytest

from oppulence.analytics import backups
from oppulence.kernel import clock, olap
from tests.support import entries
from tests.support.world import World

PLACE = "http://127.0.0.1:9/backups"
"""Nobody listens: the engine takes the statement and fails at it afterwards, which is its own affair."""


def test_the_store_is_told_to_write_itself_to_the_days_place(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKHOUSE_BACKUPS", PLACE + "/")
    assert backups.back_up() == f"{PLACE}/{clock.real_now():%Y-%m-%d}"
    ((name,),) = olap.query("SELECT name FROM system.backups ORDER BY start_time DESC LIMIT 1", {})
    assert PLACE in name


def test_without_a_place_there_is_no_backup(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLICKHOUSE_BACKUPS", raising=False)
    entries.entry("analytics.schedules.back_up_store")({}, None)
    assert backups.back_up() is None
