"""Two batches about one object take turns, also when the mirror has never seen it."""

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from oppulence.kernel import clock, db
from oppulence.kernel.uow import STATEMENT_TIMEOUT_MS, Scope, UnitOfWork
from oppulence.sync import mirror
from oppulence.sync.mirror import Delivery
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.world import World

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sync' AND wait_event_type = 'Lock' AND wait_event = 'advisory'"


def two_of_one_object() -> tuple[bytes, bytes]:
    """An earlier and a later event of one object."""
    by_key = defaultdict(list)
    for body in stripe.corpus():
        event = read(body)
        by_key[event.key].append((event.created, body))
        first, last = by_key[event.key][0], by_key[event.key][-1]
        if event.has_object and last[0] > first[0]:
            return first[1], last[1]
    raise LookupError("the corpus has no object with two events")


@contextmanager
def transaction(workspace_id: str) -> Iterator[UnitOfWork]:
    """A unit of work on a connection of its own, as in another process; committed at the end."""
    with db._connect("sync") as conn:
        conn.execute(db._opening(workspace_id, "READ COMMITTED", STATEMENT_TIMEOUT_MS))
        yield UnitOfWork(conn, Scope("sync", workspace_id))
        conn.execute("COMMIT")


def take_in(uow: UnitOfWork, body: bytes) -> int:
    return mirror.apply(uow, [Delivery(read(body), body, "conn_1", clock.real_now())])


@pytest.mark.parametrize("held", ["later", "earlier"])
def test_the_second_batch_waits_for_the_first_and_sees_what_it_wrote(world: World, held: str) -> None:
    earlier, later = two_of_one_object()
    first, second = (later, earlier) if held == "later" else (earlier, later)

    def follow() -> int:
        with transaction(world.workspace_id) as uow:
            return take_in(uow, second)

    with ThreadPoolExecutor(1) as pool, ExitStack() as open_one:
        assert take_in(open_one.enter_context(transaction(world.workspace_id)), first) == 1
        following = pool.submit(follow)
        while not following.done() and world.admin.execute(WAITS).fetchone() == (0,):
            time.sleep(0.01)
        assert not following.done()
        open_one.close()
        assert following.result() == 1
    states = world.admin.execute(
        "SELECT event_id, version FROM sync.objects WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchall()
    assert states == [(read(later).id, 1 if held == "later" else 2)]
    statuses: dict[str, str] = dict(
        world.admin.execute(
            "SELECT event_id, status FROM sync.raw_events WHERE workspace_id = %s", (world.workspace_id,)
        ).fetchall()
    )
    expected = "superseded" if held == "later" else "applied"
    assert statuses == {read(earlier).id: expected, read(later).id: "applied"}


def test_an_overtaken_event_of_a_batch_is_said_to_be_so_even_beside_a_known_one(world: World) -> None:
    earlier, later = two_of_one_object()
    webhooks = [stripe.webhook(world.workspace_id, body) for body in (earlier, later)]
    assert world.deliver("sync.consumers.on_webhook_received", *webhooks) == []
    assert world.deliver("sync.consumers.on_webhook_received", *webhooks) == []
    rows = world.admin.execute(
        "SELECT event_id, status, deliveries FROM sync.raw_events WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchall()
    assert sorted(rows) == sorted([(read(earlier).id, "superseded", 2), (read(later).id, "applied", 2)])
