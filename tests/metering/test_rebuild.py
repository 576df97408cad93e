"""The analytical store is lost, and made again of the archive: the same rows under the same numbers."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest

from infra.ops import usage as ops
from infra.ops.output import Failed
from oppulence.kernel import clock, olap
from oppulence.kernel.aws import client
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope
from oppulence.metering import archive_gateway, batches, landing, query, rebuild, settling, usage_store
from oppulence.metering import store as meters_store
from oppulence.metering.query import Question
from oppulence.metering.reckoning import Counting, Reckoning, Row
from oppulence.metering.snapshots import snapshot
from tests.metering import faults, usage
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.metering.usage import TABLES, rows, sent
from tests.support.api import Api
from tests.support.world import World


def live(world: World, api: Api) -> None:
    """Repeats, a fill, a version that came between landing and settling, and a tail."""
    usage.make_in(api, world.workspace_id, slug="calls", effective_from=None)
    usage.take(world, sent("a", {"v": 1}), sent("b", {"v": "x"}), sent("a", {"v": 3}))
    usage.take(world, sent("c", {"v": 5}, NOON + timedelta(days=60)), sent("a", {"v": 9}))
    usage.land(world, sent("d", {"v": 7}))
    usage.make_in(api, world.workspace_id, slug="sums", aggregation="SUM", value_property="$.v", effective_from=None)
    usage.settle(world)
    usage.take(world, *(sent(str(n), {"text": "x" * 5_000}) for n in range(60)))
    usage.land(world, sent("tail", {"v": 1}), sent("b", {"v": 2}))


def as_it_is(world: World) -> list[object]:
    """All rows with their numbers."""
    return [rows(world, table, columns) for table, columns in TABLES.items()]


def lose(world: World) -> None:
    for table in usage_store.TABLES:
        olap.work(f"TRUNCATE TABLE {table}", {})


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "there"])
def test_the_same_rows_have_the_same_numbers(store: World, api: Api, lost: bool) -> None:
    live(store, api)
    then, before = clock.now(), as_it_is(store)
    shard = meters_store.shard_of(store.workspace_id)
    settled = store.within("metering", lambda uow: snapshot(uow.conn, then))
    if lost:
        lose(store)
        assert as_it_is(store) == [[], [], [], []]
    for _ in range(2):
        done = rebuild.rebuild(shard, lambda _: None)
        assert done.events >= 68 and done.settlements >= settled.settled
        assert as_it_is(store) == before
    assert store.within("metering", lambda uow: snapshot(uow.conn, then)) == settled
    usage.settle(store)
    assert len(rows(store, "usage_values", "id", None)) == len(rows(store, "usage_events", "id")) + 4
    assert ("tail",) in rows(store, "usage_values", "id")


def test_what_a_version_counted_before_it_was_known_to_end_it_counts_again(store: World, api: Api) -> None:
    """Events may be some minutes ahead: these were counted as they landed, and by a fill; then the meters changed, and ended."""
    ahead = clock.now() + timedelta(minutes=4)
    since, until = ahead.replace(microsecond=0) - timedelta(days=1), ahead.replace(microsecond=0) + timedelta(days=1)
    for slug in ("changed", "ended"):
        make(api, slug=slug, aggregation="SUM", value_property="$.v", effective_from=None)
    usage.take(store, sent("a", {"v": 5, "w": 7}, ahead))
    make(api, slug="filled", aggregation="SUM", value_property="$.v", effective_from=None)
    usage.settle(store)
    then = clock.now()
    for slug in ("changed", "filled"):
        assert api.as_key().patch(f"/v1/meters/{slug}", {"value_property": "$.w"}).status == 200
    ended = usage.meter(api, "ended")["id"]
    assert api.as_key().delete("/v1/meters/ended").status == 204
    usage.take(store, sent("b", {"v": 50, "w": 70}, ahead))

    def asked(as_of: datetime | None) -> list[object]:
        scope = Scope("metering", store.workspace_id)
        questions = (Question(meter, since, until, as_of=as_of) for meter in ("changed", "filled", ended))
        return [[row.value for row in query.answer(scope, question).rows] for question in questions]

    before = as_it_is(store), asked(then), asked(None)
    assert before[1:] == ([[5], [5], [5]], [[77], [77], [0]])
    rebuild.rebuild(meters_store.shard_of(store.workspace_id), lambda _: None)
    assert (as_it_is(store), asked(then), asked(None)) == before


def test_a_shard_that_is_being_settled_is_let_be(store: World) -> None:
    usage.take(store, sent("a"))
    lease = settling.Lease.take(meters_store.shard_of(store.workspace_id))
    assert lease is not None
    with pytest.raises(rebuild.ShardIsHeld):
        rebuild.rebuild(lease.shard, lambda _: None)
    lease.leave()
    assert len(rows(store, "usage_events", "id")) == 1


def test_the_operator_rebuilds_a_workspaces_shard(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage.take(store, sent("a"))
    shard = meters_store.shard_of(store.workspace_id)
    done = ops.run(store.workspace_id)
    assert list(done) == [shard] and done[shard].events >= 1
    lease = settling.Lease.take(shard)
    assert lease is not None
    with pytest.raises(Failed, match="is being settled"):
        ops.run(store.workspace_id)
    lease.leave()
    monkeypatch.delenv("CLICKHOUSE_URL")
    with pytest.raises(Failed, match="no analytical store"):
        ops.run(None)


def test_an_object_that_lacks_a_batch_is_named(store: World) -> None:
    usage.take(store, sent("a"))
    (key,) = archive_gateway.keys(store.workspace_id)
    usage.take(store, sent("b"))
    other = next(one for one in archive_gateway.keys(store.workspace_id) if one != key)
    bucket = archive_gateway._bucket()
    content = client("s3").get_object(Bucket=bucket, Key=other)["Body"].read()
    kept = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    shard = meters_store.shard_of(store.workspace_id)
    for _ in range(2):
        with pytest.raises(Failed, match="lacks bat_"):
            ops.run(store.workspace_id)
        usage.land(store, sent("a"))
        assert usage.settle(store) == 0
    client("s3").put_object(Bucket=bucket, Key=key, Body=kept)
    rebuild.rebuild(shard, lambda _: None)
    usage.settle(store)
    assert rows(store, "usage_events", "id") == [("a",), ("b",)]


def test_what_a_rebuild_deleted_lands_again_though_it_is_the_same(store: World) -> None:
    """As of a consumer that died before it registered what it had written, and has its messages again after a rebuild."""
    usage.accept(store, usage.sent("a", {"v": 1}))
    (waiting,) = usage.queued()
    batch = batches.parse(waiting.text)
    for _ in range(2):
        usage_store.land(Reckoning().of_batches([batch], {store.workspace_id: Counting(0, ())}))
        assert usage.rows(store, "usage_landing", "id") == [("a",)]
        usage_store.erase([store.workspace_id])
        assert usage.rows(store, "usage_landing", "id") == []


def test_what_a_rebuild_deleted_before_it_was_registered_is_not(store: World, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a consumer that waits between its insert and its registration for as long as a rebuild takes."""
    make(api, effective_from=None)
    usage.take(store, sent("before"))
    usage.accept(store, sent("a"))
    waiting, insert = usage.queued(), usage_store.land

    def slowly(events: Iterable[Row]) -> None:
        insert(events)
        with monkeypatch.context() as undisturbed:
            undisturbed.setattr(usage_store, "land", insert)
            rebuild.rebuild(meters_store.shard_of(store.workspace_id), lambda _: None)

    with monkeypatch.context() as slow, pytest.raises(Unavailable):
        slow.setattr(usage_store, "land", slowly)
        landing.land(waiting)
    assert store.count("metering.batches") == 1
    landing.land(waiting)
    usage.settle(store)
    assert rows(store, "usage_values", "id") == [("a",), ("before",)]


@pytest.mark.parametrize("meanwhile", [True, False], ids=["registered before the deletion", "registered after all"])
def test_what_lands_while_a_rebuild_begins_is_there_in_the_end(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    make(api, effective_from=None)
    usage.take(store, sent("before"))
    usage.accept(store, sent("a"))
    waiting, insert, erase = usage.queued(), usage_store.land, usage_store.erase
    inserted, may_register = Event(), Event()
    consumers: list[Future[set[int]]] = []

    def insert_and_wait(events: Iterable[Row]) -> None:
        insert(events)
        inserted.set()
        assert may_register.wait(60)

    def erase_beside(workspaces: Sequence[str], before_each: Callable[[], None]) -> None:
        with monkeypatch.context() as slow:
            slow.setattr(usage_store, "land", insert_and_wait)
            consumers.append(pool.submit(landing.land, waiting))
            assert inserted.wait(60)
        if meanwhile:
            may_register.set()
            consumers[0].result(60)
        erase(workspaces, before_each)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as beside:
        beside.setattr(usage_store, "erase", erase_beside)
        rebuild.rebuild(meters_store.shard_of(store.workspace_id), lambda _: None)
        may_register.set()
    assert (consumers[0].exception() is None) == meanwhile
    landing.land(waiting)
    usage.settle(store)
    assert rows(store, "usage_values", "id") == [("a",), ("before",)]


@pytest.mark.parametrize("broken_at", usage_store.TABLES)
def test_nothing_is_settled_on_what_is_half_there(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch, broken_at: str
) -> None:
    """The store takes too long over a table; senders repeat what they sent."""
    live(store, api)
    usage.settle(store)
    before, work = as_it_is(store), olap.work
    shard = meters_store.shard_of(store.workspace_id)
    scope, asked = Scope("metering", store.workspace_id), Question("calls", NOON - timedelta(days=1), NOON + timedelta(days=1))
    counted = query.answer(scope, asked).rows[0].value

    def too_long(text: str, *rest: Any) -> None:
        if text.startswith(f"ALTER TABLE {broken_at} "):
            raise Unavailable("It did not answer in a minute.")
        work(text, *rest)

    with monkeypatch.context() as slow, pytest.raises(Failed, match="did not answer in a minute"):
        slow.setattr(olap, "work", too_long)
        ops.run(store.workspace_id)
    usage.land(store, sent("a"), sent("b"))
    meanwhile = query.answer(scope, asked)
    assert meanwhile.queued and sum(row.value or 0 for row in meanwhile.rows) <= (counted or 0)
    monkeypatch.setattr(settling, "DUE_AFTER_S", 0.0)
    assert settling.sweep(5)["settlements"] == 0
    rebuild.rebuild(shard, lambda _: None)
    assert as_it_is(store) == before
    assert usage.settle(store) == 1
    assert usage_store.doubled([store.workspace_id]) == 0


def test_a_rebuild_that_outlasts_its_lease_goes_on_unless_another_one_began(
    store: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(store, api)
    usage.settle(store)
    before, work = as_it_is(store), olap.work
    shard = meters_store.shard_of(store.workspace_id)
    others: list[settling.Lease | None] = []

    def too_long(text: str, *rest: Any) -> None:
        work(text, *rest)
        if text.startswith("ALTER TABLE usage_ids "):
            faults.lease_runs_out(store)
            assert usage.settle(store) == 0
            others.append(settling.Lease.take(shard, to_rebuild=True) if others else None)

    with monkeypatch.context() as slow:
        slow.setattr(olap, "work", too_long)
        rebuild.rebuild(shard, lambda _: None)
        assert as_it_is(store) == before
        with pytest.raises(Failed, match=f"another one rebuilds shard {shard}"):
            ops.run(store.workspace_id)
    faults.lease_runs_out(store)
    rebuild.rebuild(shard, lambda _: None)
    assert as_it_is(store) == before


def test_a_rebuild_that_was_broken_off_is_seen_to_wait(store: World) -> None:
    shard = meters_store.shard_of(store.workspace_id)
    lease = settling.Lease.take(shard, to_rebuild=True)
    assert lease is not None
    lease.leave()
    store.admin.execute("UPDATE metering.shards SET rebuilding = now() - interval '1 hour' WHERE shard = %s", (shard,))
    assert settling.sweep(5)["waiting_s"] >= 3600
    rebuild.rebuild(shard, lambda _: None)
    assert settling.sweep(5)["waiting_s"] < 3600


def test_where_the_store_is_away_a_rebuild_does_not_begin(store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage.land(store, sent("a"))
    with monkeypatch.context() as away, pytest.raises(Failed, match="not reachable"):
        away.setattr(olap, "is_up", lambda: False)
        ops.run(store.workspace_id)
    assert usage.settle(store) == 1
