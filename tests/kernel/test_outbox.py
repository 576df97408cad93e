"""Events that could not be published stay, and a sweeper publishes each of them once."""

import json
import threading
from typing import Any

import psycopg
import pytest

from oppulence.kernel import aws, outbox
from oppulence.kernel.db import Connection
from oppulence.kernel.events import MAX_DETAIL_BYTES
from oppulence.kernel.ids import new_id
from oppulence.kernel.outbox import OutboxRow
from oppulence.kernel.sweep import sweep
from oppulence.kernel.uow import Scope, in_transaction
from tests.kernel.support import CONTEXT, Happened, away, counted
from tests.support.world import World


@pytest.fixture(autouse=True)
def empty_outbox(world: World) -> None:
    """Sweepers see every workspace, those of other tests too."""
    world.admin.execute("DELETE FROM sync.outbox")


def left_behind(world: World, count: int = 1, age_s: int = 60) -> list[str]:
    """Events whose publishing failed a while ago."""
    with away("events", "PutEvents"):
        ids: list[str] = world.within(CONTEXT, lambda unit: [unit.emit(Happened(thing_id=str(n))) for n in range(count)])
    world.admin.execute("UPDATE sync.outbox SET created_at = now() - %s * interval '1 second' WHERE id = ANY (%s)", (age_s, ids))
    return ids


def test_the_sweeper_publishes_what_stayed_behind_once(world: World) -> None:
    ids = left_behind(world, 3)
    assert sweep(Scope(CONTEXT, None))["published"] == 3
    assert sweep(Scope(CONTEXT, None))["published"] == 0
    assert sorted(one.id for one in world.envelopes()) == sorted(ids)
    assert world.count("sync.outbox") == 0


def test_a_fresh_row_is_left_to_its_own_function(world: World) -> None:
    left_behind(world, age_s=20)
    assert sweep(Scope(CONTEXT, None))["published"] == 0
    assert world.count("sync.outbox") == 1


def test_rows_of_all_workspaces_are_swept_and_keep_theirs(world: World) -> None:
    other = world.workspace()
    first = left_behind(world)
    with away("events", "PutEvents"):
        world.within(CONTEXT, lambda unit: unit.emit(Happened(thing_id="2")), other)
    world.admin.execute("UPDATE sync.outbox SET created_at = now() - interval '1 minute'")
    assert sweep(Scope(CONTEXT, None))["published"] == 2
    assert [one.id for one in world.envelopes()] == first


def test_while_the_bus_is_away_rows_stay(world: World) -> None:
    ids = left_behind(world, 12)
    with away("events", "PutEvents") as tried:
        assert sweep(Scope(CONTEXT, None))["published"] == 0
    assert len(tried) == 1
    assert world.count("sync.outbox") == 12
    assert sweep(Scope(CONTEXT, None))["published"] == 12
    assert sorted(one.id for one in world.envelopes()) == sorted(ids)


def test_two_sweepers_take_different_rows(world: World, admin: psycopg.Connection) -> None:
    left_behind(world, 4)

    def hold(conn: Connection) -> list[tuple[object, ...]]:
        return conn.execute("SELECT id FROM sync.claim_outbox(2)").fetchall()

    with admin.transaction():
        held = hold(admin)
        assert len(held) == 2
        assert sweep(Scope(CONTEXT, None))["published"] == 2
        assert {str(row[0]) for row in held}.isdisjoint(one.id for one in world.envelopes())
    assert sweep(Scope(CONTEXT, None))["published"] == 2


def test_sweepers_at_the_same_moment_publish_nothing_twice(world: World) -> None:
    ids = left_behind(world, 40)
    taken: list[OutboxRow] = []
    gate = threading.Barrier(3, timeout=60)

    def run() -> None:
        with psycopg.connect(world.admin.info.dsn, password=world.admin.info.password) as conn:
            gate.wait()
            rows = conn.execute("SELECT id, workspace_id, type, detail FROM sync.claim_outbox(15)").fetchall()
            gate.wait()
            taken.extend(OutboxRow(*map(str, row)) for row in rows)
            conn.execute("SELECT sync.drop_outbox(%s)", ([str(row[0]) for row in rows],))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.id for row in taken) == sorted(set(ids))


def test_what_the_bus_refuses_in_part_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[str] = []
    real = aws.client("events").put_events

    def half(Entries: list[dict[str, Any]]) -> dict[str, Any]:
        if refused:
            return real(Entries=Entries)  # type: ignore[no-any-return]
        results = real(Entries=Entries[::2])["Entries"]
        refused.extend(json.loads(one["Detail"])["id"] for one in Entries[1::2])
        answers = [results[n // 2] if n % 2 == 0 else {"ErrorCode": "InternalFailure"} for n in range(len(Entries))]
        return {"FailedEntryCount": len(refused), "Entries": answers}

    monkeypatch.setattr(aws.client("events"), "put_events", half)
    ids = world.within(CONTEXT, lambda unit: [unit.emit(Happened(thing_id=str(n))) for n in range(5)])
    assert world.count("sync.outbox") == len(refused) == 2
    world.admin.execute("UPDATE sync.outbox SET created_at = now() - interval '1 minute'")
    assert sweep(Scope(CONTEXT, None))["published"] == 2
    assert sorted(one.id for one in world.envelopes()) == sorted(ids)


def test_a_call_takes_ten_entries(world: World) -> None:
    with counted("events", "PutEvents") as calls:
        world.within(CONTEXT, lambda unit: [unit.emit(Happened(thing_id=str(n))) for n in range(23)])
    assert len(calls) == 3
    assert len(world.emitted()) == 23


def test_a_call_stays_under_the_buss_size_in_bytes() -> None:
    rows = [OutboxRow(new_id("ev"), "ws", "t", "é" * (MAX_DETAIL_BYTES // 2)) for _ in range(9)]
    batches = outbox._batches(rows)
    assert [len(batch) for batch in batches] == [3, 3, 3]
    assert all(sum(len(row.detail.encode()) for row in batch) < 256_000 for batch in batches)
    assert [row for batch in batches for row in batch] == rows


def test_rows_past_their_use_are_purged(world: World) -> None:
    for table, columns, values in (
        ("inbox", "consumer, event_id, workspace_id, received_at", "'c', %s, %s"),
        ("attempts", "consumer, message_id, workspace_id, tries, reason, updated_at", "'c', %s, %s, 1, ''"),
        ("idempotency", "key, workspace_id, fingerprint, status, response, created_at", "%s, %s, '', 200, ''"),
    ):
        for age in ("36 days", "34 days"):
            world.admin.execute(
                f"INSERT INTO sync.{table} ({columns}) VALUES ({values}, now() - interval '{age}')".encode(),
                (new_id("x"), world.workspace_id),
            )
    assert sweep(Scope(CONTEXT, None))["purged"] == 3
    assert [world.count(f"sync.{table}") for table in ("inbox", "attempts", "idempotency")] == [1, 1, 1]


def test_a_context_cannot_sweep_anothers_outbox(world: World) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        in_transaction(Scope("ledger", None), lambda unit: unit.conn.execute("SELECT * FROM sync.claim_outbox(1)"))
