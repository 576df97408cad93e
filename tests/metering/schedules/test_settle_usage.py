"""The clock settles what no consumer did."""

import json
from typing import Any

import pytest

from oppulence.metering import settling, usage_store
from oppulence.metering import store as meters_store
from tests.metering import faults, usage
from tests.metering.faults import Killed
from tests.metering.usage import rows, sent
from tests.support.api import Api
from tests.support.entries import entry
from tests.support.world import World


def age(world: World) -> None:
    """Let all that has landed be older than what is waited for."""
    world.admin.execute("UPDATE metering.batches SET landed_at = landed_at - interval '1 minute' WHERE settlement IS NULL")


def test_what_has_waited_is_settled_and_measured(store: World, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    usage.make_in(api, store.workspace_id, effective_from=None)
    usage.land(store, sent("a"))
    assert [row.unfinished for row in usage.waiting(store)] == [True]  # the meter is to be taken up
    entry("metering.schedules.settle_usage")({}, None)
    usage.land(store, sent("b"))
    entry("metering.schedules.settle_usage")({}, None)
    assert rows(store, "usage_values", "id") == [("a",)]
    age(store)
    capsys.readouterr()
    entry("metering.schedules.settle_usage")({}, None)
    assert rows(store, "usage_values", "id") == [("a",), ("b",)]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "usage_tail_age_seconds" in line]
    assert lines[0]["usage_tail_age_seconds"] >= 60 and lines[0]["usage_tail_events"] >= 1


def test_what_another_one_began_is_ended_when_its_lease_is_over(store: World, api: Api) -> None:
    usage.make_in(api, store.workspace_id, effective_from=None)
    usage.land(store, sent("a"))
    with faults.counted(deadly=6), pytest.raises(Killed):
        usage.settle(store)
    entry("metering.schedules.settle_usage")({}, None)
    assert rows(store, "usage_ids", "id_hash") == []
    faults.lease_runs_out(store)
    entry("metering.schedules.settle_usage")({}, None)
    assert len(rows(store, "usage_ids", "id_hash")) == 1


def test_shards_take_turns(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_TURN_S", 0.0)
    monkeypatch.setattr(settling, "MOST_EVENTS", 1)
    elsewhere = usage.elsewhere(store)
    for n in range(3):
        usage.land(store, sent(str(n)))
    usage.land(store, sent("x"), workspace_id=elsewhere)
    age(store)
    entry("metering.schedules.settle_usage")({}, None)
    assert len(rows(store, "usage_events", "id")) == 3 and len(rows(store, "usage_events", "id", elsewhere)) == 1


def test_a_shard_that_fails_holds_up_no_other(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = usage.elsewhere(store)
    usage.land(store, sent("first"))
    age(store)
    settle, tried = usage_store.settle, []

    def failing(part: usage_store.Part, *rest: Any) -> None:
        if part.shard == meters_store.shard_of(store.workspace_id):
            tried.append(part.number)
            raise RuntimeError("The store refuses this statement.")
        settle(part, *rest)

    with monkeypatch.context() as poisoned:
        poisoned.setattr(usage_store, "settle", failing)
        for name in ("a", "b"):
            usage.land(store, sent(name))
            usage.land(store, sent(name), workspace_id=elsewhere)
            age(store)
            with pytest.raises(RuntimeError, match="refuses this statement"):
                entry("metering.schedules.settle_usage")({}, None)
            assert (name,) in rows(store, "usage_events", "id", elsewhere)  # in that very sweep, in which the other came first
    assert len(tried) == 2
    entry("metering.schedules.settle_usage")({}, None)
    assert rows(store, "usage_events", "id") == [("a",), ("b",), ("first",)]
