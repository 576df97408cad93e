"""Settling: each event once, as it was stored first, whatever comes twice, late or out of order."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap
from oppulence.kernel.errors import Unavailable
from oppulence.metering import landing, settling, usage_store
from oppulence.metering import store as meters_store
from tests.metering import faults, usage
from tests.metering.faults import Killed
from tests.metering.rules import NOON
from tests.metering.support import copy, make
from tests.metering.usage import rows, sent
from tests.support.api import Api
from tests.support.world import World


def test_an_id_counts_once_as_it_was_stored_first(store: World, api: Api) -> None:
    make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.take(store, sent("a", {"v": 1}), sent("b", {"v": "2.5"}), sent("a", {"v": 7}, NOON + timedelta(days=40)))
    usage.take(
        store, sent("a", {"v": 9}, NOON - timedelta(days=90)), sent("b", None, subject="else"), sent("c", {"v": 4}),
        sent("a", {"v": 5}, type="other"), sent("a", {"v": 6}, source="another"),
    )  # fmt: skip
    assert rows(store, "usage_values", "source, id, subject, number") == [
        ("another", "a", "acme", Decimal(6)), ("test", "a", "acme", Decimal(1)), ("test", "b", "acme", Decimal("2.5")),
        ("test", "c", "acme", Decimal(4)),
    ]  # fmt: skip
    assert rows(store, "usage_events", "source, id, type") == [
        ("another", "a", "api.call"), ("test", "a", "api.call"), ("test", "b", "api.call"), ("test", "c", "api.call"),
    ]  # fmt: skip
    assert len(rows(store, "usage_landing", "id")) == 8


def test_of_what_settles_together_the_first_stored_rules_in_whatever_order_it_landed(store: World, api: Api) -> None:
    make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.accept(store, sent("a", {"v": 1}))
    first = usage.queued()
    usage.land(store, sent("a", {"v": 2}))
    landing.land(first)
    landing.land(first)
    usage.settle(store)
    assert rows(store, "usage_values", "number") == [(Decimal(1),)]
    landing.land(first)
    assert usage.settle(store) == 0
    assert store.count("metering.batches") == 2


def test_what_cannot_count_is_kept_with_the_reason(store: World, api: Api) -> None:
    meter = make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    long = "1" * 40
    usage.take(store, sent("a", {"v": None}), sent("b", f'{{"v": {long}}}'), sent("c", '{"v": 1e400}'), sent("d", {"v": 3}))
    found = rows(store, "usage_rejections", "id, meter, version, problem")
    assert [(row[0], row[1]) for row in found] == [("a", meter["id"]), ("b", meter["id"]), ("c", meter["id"])]
    assert [row[3] for row in found][0] == "$.v is null; a number is needed."
    assert rows(store, "usage_values", "id") == [("d",)]
    assert len(rows(store, "usage_events", "id")) == 4


def test_events_that_no_meter_means_are_kept(store: World) -> None:
    usage.take(store, sent("a", {"v": 1}))
    assert rows(store, "usage_events", "id, data") == [("a", '{"v": 1}')]
    assert rows(store, "usage_values", "id") == []


def test_numbers_have_no_gaps_and_times_never_go_back(store: World, api: Api) -> None:
    make(api, effective_from=None)
    for n in range(3):
        usage.take(store, sent(str(n)))
    make(api, slug="more", effective_from=None)
    usage.take(store, sent("x"))
    shard = meters_store.shard_of(store.workspace_id)
    found = store.admin.execute(
        "SELECT number, settled_at FROM metering.settlements WHERE shard = %s ORDER BY number", (shard,)
    ).fetchall()
    assert [row[0] for row in found] == list(range(1, len(found) + 1))
    assert sorted(row[1] for row in found) == [row[1] for row in found]


def test_a_meter_for_which_something_landed_is_used(store: World, api: Api) -> None:
    usage.land(store, sent("a"))
    before, after = make(api, slug="before", effective_from=None), make(api, slug="later")
    usage.settle(store)
    used = {m["slug"]: m["used_at"] is not None for m in (usage.meter(api, before["id"]), usage.meter(api, after["id"]))}
    assert used == {"before": True, "later": False}
    assert api.as_key().delete(f"/v1/meters/{before['id']}").status == 204
    assert usage.meter(api, before["id"])["status"] == "archived"


def test_a_new_version_counts_from_its_instant_and_what_was_settled_before_is_filled(store: World, api: Api) -> None:
    usage.take(store, sent("old", {"v": 1}), sent("bad", {"v": "x"}))
    usage.land(store, sent("landed", {"v": 2}))
    make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.settle(store)
    usage.take(store, sent("new", {"v": 4}), sent("old", {"v": 100}))
    assert rows(store, "usage_values", "id, number") == [("landed", Decimal(2)), ("new", Decimal(4)), ("old", Decimal(1))]
    assert rows(store, "usage_rejections", "id") == [("bad",)]
    assert not usage.behind(store)


def test_a_meter_counted_something_when_it_landed_or_when_it_was_filled(store: World, api: Api) -> None:
    usage.take(store, sent("a", type="before"), sent("b", {"v": 1}, type="never"))
    made = {kind: make(api, slug=kind, event_type=kind, effective_from=None)["id"] for kind in ("before", "landed")}
    summed = make(api, slug="never", event_type="never", effective_from=None, aggregation="SUM", value_property="$.w")
    made["never"] = summed["id"]
    usage.land(store, sent("c", type="landed"))
    assert {kind for kind, id_ in made.items() if usage.meter(api, id_)["used_at"]} == {"landed"}
    usage.settle(store)
    assert {kind for kind, id_ in made.items() if usage.meter(api, id_)["used_at"]} == {"landed", "before"}


def test_a_fill_of_much_takes_turns_with_what_is_new(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_EVENTS", 2)
    for n in range(4):
        usage.take(store, sent(f"{n}a"), sent(f"{n}b"))
    make(api, effective_from=None)
    usage.land(store, sent("x1"), sent("x2"))
    usage.land(store, sent("y1"), sent("y2"))
    shard = meters_store.shard_of(store.workspace_id)
    usage.settle(store)
    kinds = store.admin.execute(
        "SELECT meter_id IS NOT NULL FROM metering.settlements WHERE shard = %s ORDER BY number DESC LIMIT 6", (shard,)
    ).fetchall()
    assert [row[0] for row in reversed(kinds)] == [True, False, True, False, True, True]
    assert len(rows(store, "usage_values", "id")) == len(rows(store, "usage_events", "id")) == 12


def test_a_fill_takes_as_many_bytes_as_a_settlement(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_BYTES", 250)
    for n in range(4):
        usage.take(store, sent(str(n), {"text": "x" * 100}))
    make(api, effective_from=None)
    assert usage.settle(store) == 2
    assert len(rows(store, "usage_values", "id")) == 4


def test_workspaces_take_turns_with_their_fills(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_EVENTS", 1)
    quiet = usage.neighbour(store)
    for n in range(2):
        usage.take(store, sent(str(n)))
    usage.take(store, sent("mine"), workspace_id=quiet)
    for slug in ("one", "two", "three"):
        make(api, slug=slug, effective_from=None)
    usage.make_in(api, quiet, effective_from=None)
    usage.settle(store)
    filled = store.admin.execute(
        "SELECT workspace_id FROM metering.settlements WHERE workspace_id = ANY (%s) ORDER BY number",
        ([quiet, store.workspace_id],),
    ).fetchall()
    assert len(filled) == 7 and (quiet,) in filled[:2]
    assert rows(store, "usage_values", "id", quiet) == [("mine",)]


def test_a_meter_that_begins_now_needs_no_fill(store: World, api: Api) -> None:
    usage.take(store, sent("a"))
    shard = meters_store.shard_of(store.workspace_id)
    (before,) = store.admin.execute("SELECT count(*) FROM metering.settlements WHERE shard = %s", (shard,)).fetchone() or (0,)
    make(api)
    assert usage.settle(store) == 0
    (after,) = store.admin.execute("SELECT count(*) FROM metering.settlements WHERE shard = %s", (shard,)).fetchone() or (0,)
    assert before == after and not usage.behind(store)


def test_more_versions_than_a_statement_takes_count_by_parts(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_store, "VERSIONS_AT_ONCE", 1)
    for slug in ("one", "two", "three"):
        make(api, slug=slug, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.land(store, sent("a", {"v": 1}), sent("b", {"v": "x"}))
    with faults.counted(deadly=12), suppress(Killed):
        usage.settle(store)
    faults.lease_runs_out(store)
    usage.settle(store)
    assert [len(rows(store, table, "id, meter")) for table in ("usage_values", "usage_rejections")] == [3, 3]


def test_a_statement_writes_so_many_values_however_many_meters_count_an_event(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "VALUES_AT_ONCE", 6)
    for slug in ("one", "two", "three", "four", "five"):
        make(api, slug=slug, effective_from=None)
        make(api, slug=f"other_{slug}", event_type=slug, effective_from=None)
    usage.land(store, sent("a"), sent("b"), sent("c", type="three"))
    written, work = [0], olap.work

    def counted(text: str, *args: Any) -> None:
        work(text, *args)
        if "INSERT INTO usage_values" in text:
            written.append(len(rows(store, "usage_values", "id")))

    monkeypatch.setattr(olap, "work", counted)
    usage.settle(store)
    assert written == [0, 5, 9, 11]


def test_so_many_versions_count_that_no_address_would_hold_them(store: World, api: Api) -> None:
    copy(store, make(api, effective_from=None), 3_500, type_length=8)
    usage.take(store, sent("a"), sent("b", type="t" * 4 + "3500"))
    assert rows(store, "usage_values", "id") == [("a",), ("b",)]


def test_so_many_types_are_reckoned_again_that_no_parameter_would_hold_them(store: World, api: Api) -> None:
    first, last = "t" * 249 + "1", "t" * 247 + "600"
    usage.land(store, sent("a"), sent("b", type=first), sent("c", type=last), sent("d", type=last))
    copy(store, make(api, effective_from=None), 600, type_length=250)
    usage.settle(store)
    assert rows(store, "usage_values", "id") == [("a",), ("b",), ("c",), ("d",)]


def test_a_deleted_meter_holds_up_nothing(store: World, api: Api) -> None:
    usage.take(store, sent("a"))
    meter = make(api, effective_from=None)
    with faults.counted(deadly=1), pytest.raises(Killed):  # the fill is intended
        usage.settle(store)
    assert api.as_key().delete(f"/v1/meters/{meter['id']}").status == 204
    faults.lease_runs_out(store)
    usage.take(store, sent("b"))
    assert rows(store, "usage_events", "id") == [("a",), ("b",)]
    assert rows(store, "usage_values", "id") == []


def test_one_settles_a_shard_at_a_time_until_the_lease_runs_out(store: World, api: Api) -> None:
    make(api, effective_from=None)
    usage.land(store, sent("a"))
    with faults.counted(deadly=4), pytest.raises(Killed):
        usage.settle(store)
    assert usage.settle(store) == 0
    assert rows(store, "usage_values", "id") == []
    faults.lease_runs_out(store)
    assert usage.settle(store) == 1
    assert rows(store, "usage_values", "id") == [("a",)]


def test_two_who_settle_at_once_write_what_one_writes(store: World, api: Api) -> None:
    make(api, effective_from=None)
    usage.land(store, *(sent(str(n % 40)) for n in range(60)))
    shard = meters_store.shard_of(store.workspace_id)
    slow = settling.Lease.take(shard)
    assert slow is not None
    intent = usage.intend(slow)
    faults.lease_runs_out(store)
    second = settling.Lease.take(shard)
    assert second is not None and settling.Lease.take(shard) is None
    settling.carry_out(second, intent)
    with pytest.raises(settling.LeaseLost):
        settling.carry_out(slow, intent)
    unaware = settling.Lease(shard, second.holder, second.generation)
    settling.carry_out(unaware, intent)
    second.leave()
    assert usage.settle(store) >= 1  # and what others left in the shard
    assert len(rows(store, "usage_values", "id")) == len(rows(store, "usage_ids", "id_hash")) == 40


def test_while_the_store_is_away_nothing_is_lost(
    store: World, api: Api, engine: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(api, effective_from=None)
    usage.land(store, sent("a"))
    address = usage.address_of(engine)
    monkeypatch.setenv("CLICKHOUSE_URL", address.replace(str(engine.port), "9"))
    olap.forget()
    with pytest.raises(Unavailable):
        usage.settle(store)
    usage.accept(store, sent("b"))
    waiting = usage.queued()
    with pytest.raises(Unavailable):
        landing.land(waiting)
    assert store.count("metering.batches") == 1
    monkeypatch.setenv("CLICKHOUSE_URL", address)
    olap.forget()
    landing.land(waiting)
    usage.settle(store)
    assert rows(store, "usage_values", "id") == [("a",), ("b",)]


def test_a_noisy_workspace_does_not_hold_up_another(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "MOST_EVENTS", 6)
    quiet = usage.neighbour(store)
    for n in range(6):
        usage.land(store, *(sent(f"{n}-{k}") for k in range(5)))
    usage.land(store, sent("mine"), workspace_id=quiet)
    shard = meters_store.shard_of(store.workspace_id)
    settling.settle(shard, seconds=0)
    assert rows(store, "usage_events", "id", quiet) == [("mine",)]
    assert len(rows(store, "usage_events", "id")) == 5
    usage.settle(store)
    assert len(rows(store, "usage_events", "id")) == 30


def test_what_waited_when_the_landed_values_moved_is_reckoned_again(store: World, api: Api) -> None:
    """As it was before 0006: what the batches count, up to the workspace's revision, is in a table that nobody reads."""
    usage.take(store, sent("settled", {"v": 1}))
    usage.land(store, sent("waiting", {"v": 2}))
    make(api, aggregation="SUM", value_property="$.v", effective_from=None)
    store.admin.execute("UPDATE metering.batches SET revision = 1 WHERE workspace_id = %s", (store.workspace_id,))
    moved = Path(meters_store.__file__).parent / "migrations" / "0006_reckon_waiting_batches_again.sql"
    store.admin.execute(b"SET ROLE metering_owner; " + moved.read_bytes() + b"RESET ROLE")
    revisions = store.admin.execute(
        "SELECT revision FROM metering.batches WHERE workspace_id = %s ORDER BY landed_at", (store.workspace_id,)
    ).fetchall()
    assert revisions == [(1,), (-1,)]
    usage.settle(store)
    assert rows(store, "usage_values", "id, number") == [("settled", Decimal(1)), ("waiting", Decimal(2))]
