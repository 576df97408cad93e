"""The raw store: exact bytes with what the envelope says, in partitions by month that keep workspaces apart."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from oppulence.kernel import clock
from oppulence.sync import mirror, raw_store
from oppulence.sync.mirror import Delivery
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.world import World

BODY = stripe.corpus()[0]
PARTITION = "SELECT tableoid::regclass::text FROM sync.raw_events WHERE workspace_id = %s"


def at(moment: datetime, body: bytes = BODY) -> bytes:
    """The event as of another time."""
    return json.dumps(json.loads(body) | {"id": f"evt_{moment:%Y%m%d}", "created": int(moment.timestamp())}).encode()


def take_in(world: World, *deliveries: Delivery) -> int:
    new: int = world.within("sync", lambda uow: mirror.apply(uow, deliveries))
    return new


def stored(world: World, columns: str) -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM sync.raw_events WHERE workspace_id = %s ORDER BY arrival"
    return world.admin.execute(query.encode(), (world.workspace_id,)).fetchall()


def test_what_the_envelope_says_is_kept_beside_the_bytes(world: World) -> None:
    signed_at, document = datetime(2026, 1, 1, tzinfo=UTC), json.loads(BODY)
    take_in(world, Delivery(read(BODY), BODY, "conn_1", clock.real_now(), signed_at=signed_at))
    columns = "api_version, request_id, idempotency_key, pending_webhooks, livemode, signed_at, via, exact, connection_id, body"
    request = document["request"]
    assert stored(world, columns) == [
        (document["api_version"], request["id"], request["idempotency_key"], 1, False, signed_at, "webhook", True, "conn_1", BODY)
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"request": "req_old"}, ("req_old", None, 1)),
        ({"request": None, "pending_webhooks": 2**40}, (None, None, None)),
        ({"request": {"id": 7, "idempotency_key": "a\x00b"}}, (None, "a\ufffdb", 1)),
        ({"pending_webhooks": "many", "request": []}, (None, None, None)),
    ],
)
def test_an_envelope_of_another_shape_is_no_reason_to_refuse_an_event(
    world: World, fields: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    body = json.dumps(json.loads(BODY) | fields).encode()
    stripe.mirror(world, [body])
    assert stored(world, "request_id, idempotency_key, pending_webhooks") == [expected]


def test_bytes_written_anew_give_way_to_the_providers_own(world: World) -> None:
    anew, now = json.dumps(json.loads(BODY), indent=1).encode(), clock.real_now()
    assert take_in(world, Delivery(read(anew), anew, "conn_1", now, via="partner", exact=False)) == 1
    assert take_in(world, Delivery(read(BODY), BODY, "conn_1", now + timedelta(seconds=5))) == 0
    assert take_in(world, Delivery(read(anew), anew, "conn_1", now, via="events_api", exact=False)) == 0
    (row,) = stored(world, "via, exact, deliveries, body, last_received_at - received_at")
    assert row == ("partner", True, 3, BODY, timedelta(seconds=5))


def test_the_exact_bytes_are_taken_when_both_come_in_one_batch(world: World) -> None:
    anew, now = json.dumps(json.loads(BODY), indent=1).encode(), clock.real_now()
    partner = Delivery(read(anew), anew, "conn_1", now, via="partner", exact=False)
    assert take_in(world, partner, Delivery(read(BODY), BODY, "conn_1", now)) == 1
    assert stored(world, "exact, deliveries, body") == [(True, 2, BODY)]


def test_an_event_lies_in_its_month_and_one_far_off_in_the_default(world: World) -> None:
    now = datetime.now(UTC)
    for moment, partition in ((now, f"raw_events_{now:%Y_%m}"), (now + timedelta(days=4_000), "raw_events_default"),
                              (datetime(1990, 1, 1, tzinfo=UTC), "raw_events_default")):  # fmt: skip
        other = world.workspace()
        world.deliver("sync.consumers.on_webhook_received", stripe.webhook(other, at(moment)), workspace_id=other)
        assert world.admin.execute(PARTITION, (other,)).fetchall() == [(f"sync.{partition}",)]


def test_a_month_takes_over_what_came_before_it_was_made(world: World) -> None:
    stripe.mirror(world, [at(datetime(2041, 5, 31, 23, 59, 59, tzinfo=UTC)), at(datetime(2041, 6, 1, tzinfo=UTC))])
    for _ in range(2):
        world.within("sync", lambda uow: uow.conn.execute("SELECT sync.add_raw_months('2041-05-01', '2041-06-01')"))
    rows = world.admin.execute(PARTITION + " ORDER BY created_at", (world.workspace_id,)).fetchall()
    assert rows == [("sync.raw_events_2041_05",), ("sync.raw_events_default",)]
    stripe.mirror(world, [at(datetime(2041, 5, 31, 23, 59, 59, tzinfo=UTC))])
    assert sorted(stored(world, "deliveries")) == [(1,), (2,)]


def test_no_partition_can_be_read_past_its_parent(world: World) -> None:
    stripe.mirror(world, [at(datetime.now(UTC)), BODY])
    names = world.admin.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sync.raw_events'::regclass")
    partitions = [str(name) for (name,) in names.fetchall()]
    assert len(partitions) > 4
    for name in partitions:
        for statement in (f"SELECT 1 FROM {name}", f"DELETE FROM {name}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                world.within("sync", lambda uow, one=statement: uow.conn.execute(one.encode()))
    rows = world.admin.execute(
        "SELECT relname FROM pg_class WHERE oid = ANY (%s::regclass[]) AND NOT (relrowsecurity AND relforcerowsecurity)",
        ([*partitions, "sync.raw_events"],),
    )
    assert rows.fetchall() == []
    other = world.workspace()
    seen = world.within("sync", lambda uow: uow.conn.execute("SELECT count(*) FROM sync.raw_events").fetchone(), other)
    assert seen == (0,)


def test_the_last_arrival_is_that_of_the_last_event(world: World) -> None:
    stripe.mirror(world, [BODY])
    (arrival,) = stored(world, "arrival")[0]
    assert world.within("sync", lambda uow: raw_store.last_arrival(uow.conn)) == arrival


def test_text_that_postgresql_refuses_is_kept_exactly_in_values_and_in_names(world: World) -> None:
    document = json.loads(BODY)
    document["data"]["object"]["metadata"] = {"nul \x00": "half \ud83d", "half \ud83d": "nul \x00"}
    body = json.dumps(document).encode()
    stripe.mirror(world, [body])
    assert stored(world, "body, status") == [(body, "applied")]
    row = world.admin.execute(
        "SELECT data->'metadata' FROM sync.objects WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row == ({"nul \ufffd": "half \ufffd", "half \ufffd": "nul \ufffd"},)
