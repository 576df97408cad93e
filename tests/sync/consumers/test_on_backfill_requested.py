"""A backfill that was asked for gets its machines."""

import pytest

from oppulence.sync.backfill import machines
from tests.sync.backfilling import Backfilling


def test_each_type_has_an_execution_that_is_found_by_its_name(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("checkout.session", "charge")
    backfilling.start()
    assert backfilling.executions() == [f"{backfill_id}-charge", f"{backfill_id}-checkout_session"]
    for row in backfilling.rows(backfill_id):
        assert row["state"] == "running" and row["execution_arn"].endswith(f":{row['execution_name']}")


def test_told_twice_it_starts_them_once(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    (requested,) = [one for one in backfilling.told if one.type == "sync.backfill.requested"]
    assert backfilling.world.deliver("sync.consumers.on_backfill_requested", requested, requested) == []
    assert backfilling.executions() == [f"{backfill_id}-charge"]


def test_a_start_that_was_not_recorded_is(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    backfilling.world.admin.execute("UPDATE sync.backfill_types SET execution_arn = NULL WHERE backfill_id = %s", (backfill_id,))
    (requested,) = [one for one in backfilling.told if one.type == "sync.backfill.requested"]
    backfilling.world.deliver("sync.consumers.on_backfill_requested", requested)
    assert backfilling.rows(backfill_id)[0]["execution_arn"] and backfilling.executions() == [f"{backfill_id}-charge"]


def test_a_few_run_at_a_time(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "AT_ONCE", 2)
    backfill_id = backfilling.ask("charge", "refund", "payout")
    backfilling.start()
    assert [row["state"] for row in backfilling.rows(backfill_id)] == ["running", "running", "waiting"]


def test_machines_that_cannot_be_started_send_the_record_back(backfilling: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill_id = backfilling.ask("charge")
    (requested,) = backfilling.world.envelopes()
    monkeypatch.setenv("MACHINE_SYNC_BACKFILL", backfilling.machine_arn + "gone")
    assert len(backfilling.world.deliver("sync.consumers.on_backfill_requested", requested)) == 1
    monkeypatch.setenv("MACHINE_SYNC_BACKFILL", backfilling.machine_arn)
    assert backfilling.world.deliver("sync.consumers.on_backfill_requested", requested) == []
    assert backfilling.executions() == [f"{backfill_id}-charge"]


def test_another_workspaces_event_starts_nothing(backfilling: Backfilling) -> None:
    backfilling.ask("charge")
    (requested,) = backfilling.world.envelopes()
    foreign = requested.model_copy(update={"workspace_id": backfilling.world.workspace()})
    assert backfilling.world.deliver("sync.consumers.on_backfill_requested", foreign) == []
    assert backfilling.executions() == []
