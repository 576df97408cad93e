"""One transaction of one workspace: what is set in it, when it is tried again, and when its events go out."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from infra.local.postgres import Postgres
from oppulence.kernel import db, uow
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from tests.kernel.support import CONTEXT, Happened, away
from tests.support.world import World


@pytest.fixture
def table(world: World) -> Iterator[str]:
    """A table that transactions may fight over."""
    world.admin.execute("CREATE TABLE IF NOT EXISTS sync.fights (id int PRIMARY KEY, n int NOT NULL)")
    world.admin.execute("GRANT ALL ON sync.fights TO sync")
    world.admin.execute("INSERT INTO sync.fights VALUES (1, 0), (2, 0) ON CONFLICT (id) DO UPDATE SET n = 0")
    yield "sync.fights"
    world.admin.execute("DROP TABLE sync.fights")


def setting(unit: UnitOfWork, name: str) -> str:
    row = unit.conn.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
    return str(row[0]) if row else ""


def test_the_workspace_is_set_inside_and_does_not_leak(world: World) -> None:
    first, second = world.workspace_id, world.workspace()
    assert world.within(CONTEXT, lambda unit: setting(unit, "app.workspace_id")) == first
    assert world.within(CONTEXT, lambda unit: setting(unit, "app.workspace_id"), second) == second
    assert in_transaction(Scope(CONTEXT, None), lambda unit: setting(unit, "app.workspace_id")) == ""
    left = db.connection(CONTEXT).execute("SELECT current_setting('app.workspace_id', true)").fetchone()
    assert left is not None and not left[0]


def test_a_workspace_id_is_a_value_and_never_sql(world: World) -> None:
    odd = "ws_'; DROP TABLE sync.objects; --"
    assert world.within(CONTEXT, lambda unit: setting(unit, "app.workspace_id"), odd) == odd


def test_times_are_limited_inside(world: World) -> None:
    def read(unit: UnitOfWork) -> tuple[str, ...]:
        return tuple(setting(unit, f"{name}_timeout") for name in ("statement", "lock", "idle_in_transaction_session"))

    assert world.within(CONTEXT, read) == ("15s", "3s", "30s")


def test_a_statement_over_its_time_ends(world: World) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        in_transaction(Scope(CONTEXT, world.workspace_id, timeout_ms=50), lambda unit: unit.conn.execute("SELECT pg_sleep(5)"))
    assert world.within(CONTEXT, lambda unit: unit.workspace_id) == world.workspace_id


def test_a_lock_that_another_holds_is_not_waited_for_longer_than_three_seconds(world: World, table: str) -> None:
    with world.admin.transaction():
        world.admin.execute("SELECT * FROM sync.fights WHERE id = 1 FOR UPDATE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            world.within(CONTEXT, lambda unit: unit.conn.execute("UPDATE sync.fights SET n = 1 WHERE id = 1"))
    assert world.within(CONTEXT, lambda unit: unit.conn.execute("SHOW lock_timeout").fetchone()) == ("3s",)


def failing(times: int, error: Callable[[], Exception]) -> tuple[Callable[[UnitOfWork], int], list[UnitOfWork]]:
    """Work that raises some times before it succeeds, and the units of work that it was given."""
    units: list[UnitOfWork] = []

    def work(unit: UnitOfWork) -> int:
        units.append(unit)
        unit.emit(Happened(thing_id=str(len(units))))
        if len(units) <= times:
            raise error()
        return len(units)

    return work, units


@pytest.mark.parametrize("error", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
def test_serialization_failures_and_deadlocks_are_tried_again_from_the_start(
    world: World, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uow, "_RETRY_AFTER_S", (0, 0, 0))
    work, units = failing(3, error)
    assert world.within(CONTEXT, work) == 4
    assert len({id(unit) for unit in units}) == 4
    assert [one.data["thing_id"] for one in world.envelopes()] == ["4"]


def test_a_conflict_that_does_not_end_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uow, "_RETRY_AFTER_S", (0, 0, 0))
    work, units = failing(99, psycopg.errors.SerializationFailure)
    with pytest.raises(psycopg.errors.SerializationFailure):
        world.within(CONTEXT, work)
    assert len(units) == 4


def test_a_real_write_skew_is_caught_and_repeated(world: World, table: str) -> None:
    """Under SERIALIZABLE, what another transaction changed in between makes the work run anew on what is true now."""
    seen: list[int] = []

    def work(unit: UnitOfWork) -> None:
        row = unit.conn.execute("SELECT sum(n)::int FROM sync.fights").fetchone()
        assert row is not None
        seen.append(int(str(row[0])))
        if len(seen) == 1:
            world.admin.execute("UPDATE sync.fights SET n = 7 WHERE id = 1")
        unit.conn.execute("UPDATE sync.fights SET n = %s WHERE id = 1", (seen[-1] + 1,))

    in_transaction(Scope(CONTEXT, world.workspace_id, isolation="SERIALIZABLE"), work)
    assert seen == [0, 7]
    assert world.admin.execute("SELECT n FROM sync.fights WHERE id = 1").fetchone() == (8,)


def test_a_real_deadlock_is_survived(world: World, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes lock two rows crosswise; PostgreSQL kills one of them, and it comes again."""
    both = threading.Barrier(2, timeout=60)
    tries: list[str] = []

    def other() -> None:
        with (
            psycopg.connect(world.admin.info.dsn, password=world.admin.info.password, autocommit=True) as conn,
            conn.transaction(),
        ):
            conn.execute("SET LOCAL deadlock_timeout = '10s'")
            conn.execute("UPDATE sync.fights SET n = n + 1 WHERE id = 2")
            both.wait()
            conn.execute("UPDATE sync.fights SET n = n + 1 WHERE id = 1")

    def work(unit: UnitOfWork) -> None:
        tries.append("try")
        unit.conn.execute("UPDATE sync.fights SET n = n + 1 WHERE id = 1")
        if len(tries) == 1:
            both.wait()
            time.sleep(0.1)
        unit.conn.execute("UPDATE sync.fights SET n = n + 1 WHERE id = 2")

    thread = threading.Thread(target=other)
    thread.start()
    world.within(CONTEXT, work)
    thread.join()
    assert len(tries) == 2
    assert world.admin.execute("SELECT array_agg(n) FROM sync.fights").fetchone() == ([2, 2],)


def test_events_go_out_after_the_commit_and_leave_the_outbox(world: World) -> None:
    def work(unit: UnitOfWork) -> str:
        event_id = unit.emit(Happened(thing_id="1"))
        assert world.emitted() == []
        return event_id

    event_id = world.within(CONTEXT, work)
    (envelope,) = world.envelopes()
    assert (envelope.id, envelope.type, envelope.workspace_id) == (event_id, "sync.test.happened", world.workspace_id)
    assert world.count("sync.outbox") == 0


def test_a_rollback_takes_its_events_with_it(world: World) -> None:
    done: list[str] = []

    def work(unit: UnitOfWork) -> None:
        unit.emit(Happened(thing_id="1"))
        unit.after_commit(lambda: done.append("never"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        world.within(CONTEXT, work)
    assert (world.emitted(), world.count("sync.outbox"), done) == ([], 0, [])


def test_what_follows_a_commit_follows_in_order_and_after_the_events(world: World) -> None:
    done: list[str] = []

    def work(unit: UnitOfWork) -> None:
        unit.after_commit(lambda: done.append(",".join(world.emitted())))
        unit.after_commit(lambda: done.append("second"))
        unit.emit(Happened(thing_id="1"))
        assert done == []

    world.within(CONTEXT, work)
    assert done == ["sync.test.happened.v1", "second"]


def test_an_event_larger_than_a_fact_is_refused_before_it_is_stored(world: World) -> None:
    """Measured in bytes: the bus counts those, and would refuse the row for ever."""
    for text in ("x" * 64_001, "é" * 32_001, "☃" * 21_400):
        with pytest.raises(ValueError, match="stays under"):
            world.within(CONTEXT, lambda unit, text=text: unit.emit(Happened(thing_id="1", text=text)))
    assert world.count("sync.outbox") == 0


def test_a_bus_that_is_away_loses_nothing_and_fails_nothing(world: World) -> None:
    with away("events", "PutEvents") as tried:
        assert world.within(CONTEXT, lambda unit: [unit.emit(Happened(thing_id=str(n))) for n in range(25)])
    assert len(tried) == 1, "asked once, not once for every ten"
    assert world.count("sync.outbox") == 25


def test_a_unit_of_work_inside_another_is_refused(world: World) -> None:
    """Its commit would be the outer one's, under the wrong workspace."""
    with pytest.raises(db.NestedTransaction):
        world.within(CONTEXT, lambda _: world.within(CONTEXT, lambda unit: unit.workspace_id))
    assert world.within(CONTEXT, lambda unit: unit.workspace_id) == world.workspace_id


def test_time_stands_still_inside_a_unit_of_work(world: World) -> None:
    def work(unit: UnitOfWork) -> bool:
        first = unit.now
        time.sleep(0.002)
        return first is unit.now

    assert world.within(CONTEXT, work)


def test_work_over_all_workspaces_has_none_of_its_own(world: World) -> None:
    with pytest.raises(LookupError):
        in_transaction(Scope(CONTEXT, None), lambda unit: unit.workspace_id)


def test_a_connection_that_died_between_two_requests_is_replaced_unnoticed(world: World) -> None:
    before = world.within(CONTEXT, lambda unit: unit.conn.info.backend_pid)
    world.admin.execute("SELECT pg_terminate_backend(%s)", (before,))
    assert world.within(CONTEXT, lambda unit: unit.conn.info.backend_pid) != before


def test_a_connection_that_dies_inside_is_unavailable_and_the_next_call_works(world: World) -> None:
    def work(unit: UnitOfWork) -> None:
        unit.emit(Happened(thing_id="1"))
        world.admin.execute("SELECT pg_terminate_backend(%s)", (unit.conn.info.backend_pid,))

    with pytest.raises(Unavailable):
        world.within(CONTEXT, work)
    assert world.emitted() == []
    assert world.within(CONTEXT, lambda unit: unit.workspace_id) == world.workspace_id


def test_a_connection_left_with_a_replica_is_dropped(world: World) -> None:
    """After a failover the old writer may answer, and refuse every write."""

    def work(unit: UnitOfWork) -> None:
        raise psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")

    before = world.within(CONTEXT, lambda unit: unit.conn.info.backend_pid)
    with pytest.raises(Unavailable):
        world.within(CONTEXT, work)
    assert world.within(CONTEXT, lambda unit: unit.conn.info.backend_pid) != before


def test_a_server_that_is_killed_is_unavailable_and_then_back(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="oppulence-killed-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder), fast=True)
        server.start()
        try:
            with psycopg.connect(server.url, autocommit=True) as conn:
                conn.execute("CREATE ROLE killed LOGIN")
            server.set_passwords(["killed"])
            with psycopg.connect(server.url, autocommit=True) as conn:
                conn.execute("CHECKPOINT")  # a fast server forgets what it has not written
            monkeypatch.setenv("PG_PORT", str(server.port))
            monkeypatch.setenv("PGPASSFILE", str(server.passfile))
            scope = Scope("killed", "ws_x")
            backend = in_transaction(scope, lambda unit: unit.conn.info.backend_pid)
            server.kill()
            while Path(f"/proc/{backend}").exists():  # it ends by itself, a moment after the server
                time.sleep(0.01)
            for _ in range(2):
                with pytest.raises(Unavailable):
                    in_transaction(scope, lambda unit: None)
            server.start()
            monkeypatch.setenv("PG_PORT", str(server.port))
            assert in_transaction(scope, lambda unit: setting(unit, "app.workspace_id")) == "ws_x"
        finally:
            db.forget("killed")
            server.stop()


def test_a_use_case_that_goes_on_after_a_failed_statement_is_not_taken_for_done(world: World) -> None:
    def swallow(uow: UnitOfWork) -> None:
        with contextlib.suppress(psycopg.Error):
            uow.conn.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="nothing was committed"):
        world.within("sync", swallow)
