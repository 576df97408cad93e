"""A backfill's progress."""

import pytest

from oppulence.sync.backfill import listing, pages
from tests.sync.backfilling import Backfilling


def test_progress_is_shown_by_type(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    start = backfilling.fake.now
    for _ in range(5):
        backfilling.fake.client().v1.customers.create({})
        backfilling.fake.advance(to=backfilling.fake.now + 100, settle=False)
    created = {"gte": _text(start - 100), "lt": _text(start + 600)}
    backfill_id = backfilling.ask("customer", "tax_id", created=created)
    waiting = backfilling.progress(backfill_id, "customer")
    assert waiting["state"] == "waiting" and waiting["remaining"] == {"rows": None, "reason": "nothing was listed yet"}
    assert waiting["rows_per_second"] is None and waiting["account"] is None
    backfilling.start()
    monkeypatch.setattr(pages, "WORK_S", 0.0)
    backfilling.step(backfill_id, "customer")
    running = backfilling.progress(backfill_id, "customer")
    assert (running["state"], running["pages"], running["rows_listed"], running["rows_changed"]) == ("running", 1, 2, 2)
    assert running["account"] == "self" and running["executions"] == 1 and running["rows_per_second"] > 0
    assert running["remaining"]["rows"] in (2, 3, 4), "as dense as what came"
    view = backfilling.run(backfill_id)
    done = backfilling.progress(backfill_id, "customer")
    assert done["state"] == "finished" and done["remaining"]["rows"] == 0 and done["ended_at"]
    assert (view["status"], view["rows_listed"], view["rows_changed"]) == ("completed", 5, 5)


def _text(second: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(second), UTC).isoformat()


def test_without_a_start_nobody_knows_how_much_is_left(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 1)
    monkeypatch.setattr(pages, "WORK_S", 0.0)
    for _ in range(3):
        backfilling.fake.client().v1.customers.create({})
    backfill_id = backfilling.ask("customer")
    backfilling.start()
    backfilling.step(backfill_id, "customer")
    remaining = backfilling.progress(backfill_id, "customer")["remaining"]
    assert remaining["rows"] is None and "no start" in remaining["reason"]


def test_another_workspaces_backfill_is_not_there(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    other = backfilling.api.as_key(workspace_id=backfilling.world.workspace())
    answer = other.get(f"/v1/sync/backfills/{backfill_id}")
    assert answer.status == 404 and answer.error.code == "backfill_not_found"


def test_it_needs_its_scope(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("customer")
    assert backfilling.api.as_key(["sync:write"]).get(f"/v1/sync/backfills/{backfill_id}").status == 403
