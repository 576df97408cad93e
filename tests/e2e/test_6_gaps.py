"""What no webhook brought: gaps that are found and closed, objects that never had an event, and events applied again."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e import made
from tests.e2e.running import Running, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
LISTER = "sync-backfill_list_pages"
GRACE_S = 120.0
"""Events younger than a minute are not missed yet."""


def test_webhooks_that_were_never_sent_are_found_and_told_of(running: Running) -> None:
    other = running.beside("gaps")
    stripe = running.stripe
    stripe.deliveries(dropped=1.0)
    try:
        customers = [stripe.client().v1.customers.create({"email": f"gap{n}@example.com"}).to_dict() for n in range(3)]
    finally:
        stripe.deliveries(dropped=0.0)
    stripe.turn(time.time() + GRACE_S)
    before = _connection(other)
    other.invoke("sync-request_reconciliations")
    until("the gaps are closed", lambda: _connection(other)["gaps"]["found"] >= len(customers))
    now = _connection(other)
    assert now["gaps"]["open"] == 0 and now["gaps"]["closed"] == now["gaps"]["found"]
    assert now["last_reconciled_at"] and now["last_reconciled_at"] != before["last_reconciled_at"]
    gaps = {gap["id"]: gap for gap in other.platform.all("/v1/sync/gaps")}
    found = other.platform.rows(
        "SELECT event_id, object_id FROM sync.raw_events WHERE workspace_id = %s AND via = 'events_api'",
        other.platform.workspace_id,
    )
    assert {id for id, _ in found} == gaps.keys()
    assert {customer["id"] for customer in customers} <= {object_id for _, object_id in found}
    for customer in customers:
        assert other.platform.get(f"/v1/sync/objects/customer/{customer['id']}")["data"] == customer
    found_once = now["gaps"]["found"]
    other.invoke("sync-request_reconciliations")
    until("it was compared again", lambda: _connection(other)["last_reconciled_at"] != now["last_reconciled_at"])
    assert _connection(other)["gaps"]["found"] == found_once


def _connection(running: Running) -> Any:
    (connection,) = running.platform.get("/v1/sync/status")["connections"]
    return connection


def test_a_backfill_survives_its_worker_and_brings_what_never_had_an_event(running: Running) -> None:
    since = datetime(2020, 3, 1, tzinfo=UTC)
    second = int(since.timestamp())
    products = [made.like("product", name=f"Old {n}", created=second + n) for n in range(250)]
    running.stripe.do("objects", objects=products)
    asked = running.call(
        "POST", "/v1/sync/backfills",
        {
            "connection_id": running.dev["stripe"]["connection_id"], "object_types": ["product"], "requests_per_second": 0.5,
            "created": {"gte": since.isoformat(), "lt": (since + timedelta(days=1)).isoformat()}, "include_related": False,
        },
    )  # fmt: skip
    path = f"/v1/sync/backfills/{asked['id']}"
    until("it has begun", lambda: running.platform.get(path)["types"][0]["pages"] >= 1)
    assert running.kill_workers(LISTER) > 0
    until("it has ended", lambda: running.platform.get(path)["status"] != "running")
    (product,) = (ended := running.platform.get(path))["types"]
    assert (ended["status"], product["state"], product["rows_changed"]) == ("completed", "finished", len(products))
    for one in products[:: len(products) // 5]:
        assert running.platform.get(f"/v1/sync/objects/product/{one['id']}")["data"] == one
    query = "SELECT count(*) FROM sync.objects WHERE workspace_id = %s AND type = 'product' AND id = ANY (%s) AND event_id = ''"
    ids = [one["id"] for one in products]
    assert running.platform.scalar(query, running.platform.workspace_id, ids) == len(products)


def test_a_replay_doubles_nothing(running: Running) -> None:
    query = "SELECT event_id FROM sync.raw_events WHERE workspace_id = %s AND status <> 'kept' ORDER BY event_id LIMIT 100"
    chosen = [str(row[0]) for row in running.platform.rows(query, running.platform.workspace_id)]
    running.settle()
    before, mails = running.fingerprint(), running.platform.scalar("SELECT count(*) FROM recovery.steps")
    plan = running.call("POST", "/v1/sync/replays", {"event_ids": chosen, "dry_run": True})
    assert (plan["status"], plan["plan"]["events"]) == ("planned", len(chosen))
    replay = running.call("POST", "/v1/sync/replays", {"event_ids": chosen})
    path = f"/v1/sync/replays/{replay['id']}"
    until("it is over", lambda: running.platform.get(path)["status"] == "completed")
    running.settle()
    assert running.platform.get(path)["events_done"] == len(chosen)
    assert running.fingerprint() == before
    assert running.platform.scalar("SELECT count(*) FROM recovery.steps") == mails
    until("each has its one row", lambda: running.analysed() == running.kept_for_analysis())
