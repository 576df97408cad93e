"""Faults on the deployed template: stores that are away, a record that cannot be processed, workers that die."""

import threading
import time

import pytest

from infra.local import cloud
from tests.e2e import events
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
CONSUMER = "sync-on_webhook_received"
TRIES = 5
"""After so many tries a record that cannot be processed is given up."""


def test_webhooks_that_postgresql_was_too_dead_to_take_are_stored_once(running: Running) -> None:
    """It dies while they arrive, and stays away until each message was delivered more often than a bad one ever would be."""
    running.configure(CONSUMER, DOWN_VISIBILITY_S="1")
    arriving = events.others(120, 220)
    statuses: list[int] = []
    sending = threading.Thread(target=lambda: statuses.extend(running.send_all(arriving)))
    sending.start()
    try:
        time.sleep(0.5)
        cloud.kill("postgres", running.root)
        running.platform.close()
        sending.join(60)
        until("redelivery outlasts every count of tries", lambda: max(running.receive_counts(CONSUMER), default=0) > TRIES + 1)
    finally:
        cloud.start_child("postgres", running.root)
    assert statuses == [200] * len(arriving)
    until("all of them are stored", lambda: running.stored(arriving) == len(arriving))
    running.settle()
    assert running.stored(arriving) == len(arriving)
    assert running.platform.dead_letters() == {}
    assert running.books_balance()


def test_without_clickhouse_nothing_else_stops_and_its_rows_come_later(running: Running) -> None:
    running.settle()
    before = running.analysed()
    arriving = events.others(220, 250)
    cloud.kill("clickhouse", running.root)
    try:
        assert set(running.send_all(arriving)) == {200}
        until("the mirror has them", lambda: running.stored(arriving) == len(arriving))
        assert running.platform.get("/v1/ledger/balances")["totals"]
        until("their rows wait", lambda: running.platform.depth("sync-on_event_stored") > 0)
    finally:
        cloud.start_child("clickhouse", running.root)
    until("their rows are there", lambda: running.analysed() == before + len(arriving))
    assert running.platform.dead_letters() == {}


def test_a_poisoned_message_ends_in_the_dead_letters_and_comes_home(running: Running) -> None:
    running.hide_for(CONSUMER, 2)
    (poisoned,) = events.others(250, 251)
    healthy = events.others(251, 261)
    _poison(running, poisoned.id)
    assert set(running.send_all((poisoned, *healthy))) == {200}
    until("it was given up", lambda: running.platform.dead_letters() == {f"{CONSUMER}-dead": 1})
    assert running.stored(healthy) == len(healthy) and running.stored([poisoned]) == 0
    (letter,) = running.operator("dlq", "show", CONSUMER)["data"]
    assert "poisoned by a test" in letter["reason"] and letter["tries"] == TRIES
    assert letter["consumer"] == "sync.consumers.on_webhook_received"
    _cure(running)
    assert running.operator("dlq", "redrive", CONSUMER)["total"] == 1
    until("it is stored", lambda: running.stored([poisoned]) == 1)
    assert running.operator("dlq", "list")["data"] and running.platform.dead_letters() == {}


def _poison(running: Running, event_id: str) -> None:
    running.platform.execute(
        "CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF NEW.event_id = '{event_id}' THEN RAISE EXCEPTION 'poisoned by a test'; END IF; RETURN NEW; END $$"
    )
    running.platform.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON sync.raw_events FOR EACH ROW EXECUTE FUNCTION public.poison()"
    )


def _cure(running: Running) -> None:
    running.platform.execute("DROP TRIGGER poison ON sync.raw_events")
    running.platform.execute("DROP FUNCTION public.poison()")


def test_workers_killed_in_mid_batch_lose_and_double_nothing(running: Running) -> None:
    running.hide_for(CONSUMER, 3)
    arriving = events.others(261, 401)
    killed = 0
    sending = threading.Thread(target=lambda: running.send_all(arriving))
    sending.start()
    while sending.is_alive():
        killed += running.kill_workers(CONSUMER)
        time.sleep(0.4)
    sending.join()
    assert killed > 0
    until("all of them are stored", lambda: running.stored(arriving) == len(arriving))
    running.settle()
    assert running.stored(arriving) == len(arriving)
    assert running.books_balance()
