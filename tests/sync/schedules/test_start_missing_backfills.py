"""A backfill never stays without a machine; machines that run are left alone."""

from tests.support import entries
from tests.sync.backfilling import Backfilling


def sweep() -> None:
    entries.entry("sync.schedules.start_missing_backfills")({}, None)


def age(backfilling: Backfilling, seconds: int) -> None:
    """Let the backfill be silent for some real seconds."""
    backfilling.world.admin.execute(
        "UPDATE sync.backfill_types SET touched_at = touched_at - %(s)s * interval '1 second',"
        " wait_until = wait_until - %(s)s * interval '1 second' WHERE workspace_id = %(workspace)s",
        {"s": seconds, "workspace": backfilling.world.workspace_id},
    )


def stop(backfilling: Backfilling, backfill_id: str) -> None:
    for row in backfilling.rows(backfill_id):
        backfilling.states.stop_execution(executionArn=row["execution_arn"])


def test_an_event_that_was_lost_is_made_good(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    sweep()
    assert not any(one.startswith(backfill_id) for one in backfilling.executions()), "its consumer has half a minute"
    age(backfilling, 31)
    sweep()
    assert backfilling.executions() == [f"{backfill_id}-charge"]


def test_a_start_that_was_not_recorded_is(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    backfilling.world.admin.execute("UPDATE sync.backfill_types SET execution_arn = NULL WHERE backfill_id = %s", (backfill_id,))
    age(backfilling, 31)
    sweep()
    assert backfilling.rows(backfill_id)[0]["execution_arn"] and backfilling.executions() == [f"{backfill_id}-charge"]


def test_a_machine_that_ended_before_its_time_is_followed_by_another(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    stop(backfilling, backfill_id)
    age(backfilling, 301)
    sweep()
    assert backfilling.executions() == [f"{backfill_id}-charge", f"{backfill_id}-charge-2"]
    assert backfilling.rows(backfill_id)[0]["execution_name"] == f"{backfill_id}-charge-2"
    assert backfilling.run(backfill_id)["status"] == "completed"


def test_after_ten_the_type_fails(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    stop(backfilling, backfill_id)
    backfilling.world.admin.execute("UPDATE sync.backfill_types SET executions = 10 WHERE backfill_id = %s", (backfill_id,))
    age(backfilling, 301)
    sweep()
    view = backfilling.view(backfill_id)
    assert view["status"] == "failed" and "10 times" in view["types"][0]["error"]


def test_machines_that_run_or_mean_to_wait_are_left_alone(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.start()
    age(backfilling, 301)
    sweep()
    assert len(backfilling.executions()) == 1, "it is late, but runs"
    stop(backfilling, backfill_id)
    backfilling.world.admin.execute("UPDATE sync.backfill_types SET wait_until = now() WHERE backfill_id = %s", (backfill_id,))
    sweep()
    assert len(backfilling.executions()) == 1, "it is not late yet"


def test_one_that_cannot_be_started_keeps_nobody_waiting(backfilling: Backfilling) -> None:
    first, second = backfilling.ask("charge"), backfilling.ask("refund")
    backfilling.world.admin.execute(
        "UPDATE sync.backfill_types SET state = 'running', execution_arn = NULL, execution_name = '*' WHERE backfill_id = %s",
        (first,),
    )
    age(backfilling, 31)
    sweep()
    assert backfilling.executions() == [f"{second}-refund"]


def test_what_is_over_is_let_be(backfilling: Backfilling) -> None:
    backfill_id = backfilling.ask("charge")
    backfilling.run(backfill_id)
    age(backfilling, 10_000)
    sweep()
    assert backfilling.executions() == [f"{backfill_id}-charge"]
