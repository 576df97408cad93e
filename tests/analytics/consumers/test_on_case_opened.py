"""A case that began is a row, once."""

import pytest

from tests.analytics.support import START, fail, rows, tell, told
from tests.support.world import World

COLUMNS = "event_type, event_timestamp, workflow_id, cohort, currency, original_amount_minor, recovered_amount_minor"


def test_a_case_has_begun(store: World) -> None:
    fail(store, "in_1")
    facts = told(store)
    for _ in range(2):
        assert tell(store, facts) == []
    at = START.replace(tzinfo=None)
    assert rows(store, "recovery_events", COLUMNS) == [("started", at, "default", "all", "USD", 10_700, 0)]


def test_another_workspace_sees_none(store: World) -> None:
    fail(store, "in_1")
    assert tell(store, told(store)) == []
    assert rows(store, "recovery_events", workspace_id=store.workspace()) == []


def test_without_an_analytical_store_nothing_happens(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(store, "in_1")
    facts = told(store)
    monkeypatch.delenv("CLICKHOUSE_URL")
    assert tell(store, facts) == []
