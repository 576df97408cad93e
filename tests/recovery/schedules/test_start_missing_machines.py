"""Open cases never stay without a machine; machines that run are left alone."""

from datetime import timedelta

import pytest

from oppulence.kernel.uow import Scope
from oppulence.recovery import machines
from tests.recovery.support import DAY, Dunning
from tests.support import entries


def sweep() -> None:
    entries.entry("recovery.schedules.start_missing_machines")({}, None)


@pytest.fixture
def failed(dunning: Dunning) -> str:
    """An invoice with an open case, whose machine runs and waits for the first mail."""
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.task("decide_next_step", dunning.case(invoice_id))
    return invoice_id


def stop(dunning: Dunning, invoice_id: str) -> None:
    dunning.states.stop_execution(executionArn=dunning.case(invoice_id)["execution_arn"])


def test_a_machine_that_was_never_started_is(dunning: Dunning, failed: str) -> None:
    dunning.world.admin.execute("UPDATE recovery.cases SET execution_arn = NULL, execution_name = id || '-9'")
    sweep()
    assert dunning.case(failed)["execution_arn"] is None, "its consumer has half a minute to do so"
    dunning.age(failed, minutes=1)
    sweep()
    case = dunning.case(failed)
    assert case["execution_arn"].endswith(f":{case['id']}-9") and dunning.executions(failed)[f"{case['id']}-9"] == "RUNNING"


def test_a_start_that_was_not_recorded_is_recorded(dunning: Dunning, failed: str) -> None:
    dunning.world.admin.execute("UPDATE recovery.cases SET execution_arn = NULL WHERE invoice_id = %s", (failed,))
    dunning.age(failed, minutes=1)
    sweep()
    case = dunning.case(failed)
    assert case["execution_arn"] and case["executions"] == 1 and len(dunning.executions(failed)) == 1


def test_a_machine_that_ended_before_its_case_is_followed_by_another(dunning: Dunning, failed: str) -> None:
    stop(dunning, failed)
    dunning.clock.move(DAY + timedelta(minutes=1))
    dunning.age(failed, minutes=6)
    sweep()
    case = dunning.case(failed)
    assert dunning.executions(failed) == {case["id"]: "ABORTED", f"{case['id']}-2": "RUNNING"}
    assert case["execution_name"] == f"{case['id']}-2" and "takes over" in dunning.reasons(failed, "step")[0]


def test_each_restart_waits_twice_as_long(dunning: Dunning, failed: str) -> None:
    stop(dunning, failed)
    dunning.clock.move(DAY + timedelta(minutes=1))
    dunning.world.admin.execute("UPDATE recovery.cases SET executions = 3 WHERE invoice_id = %s", (failed,))
    dunning.age(failed, minutes=19)
    sweep()
    assert len(dunning.executions(failed)) == 1
    dunning.age(failed, minutes=2)
    sweep()
    assert len(dunning.executions(failed)) == 2


def test_a_machine_that_still_waits_is_left_alone(dunning: Dunning, failed: str) -> None:
    stop(dunning, failed)
    dunning.age(failed, minutes=60)
    sweep()
    assert len(dunning.executions(failed)) == 1, "its next step is not due"


def test_a_machine_that_is_late_but_runs_is_left_alone(dunning: Dunning, failed: str) -> None:
    dunning.clock.move(2 * DAY)
    dunning.age(failed, minutes=60)
    touched = dunning.case(failed)["touched_at"]
    sweep()
    case = dunning.case(failed)
    assert len(dunning.executions(failed)) == 1 and case["touched_at"] > touched


def test_a_closed_case_gets_no_machine(dunning: Dunning, failed: str) -> None:
    stop(dunning, failed)
    dunning.pay(failed)
    dunning.clock.move(2 * DAY)
    dunning.age(failed, minutes=60)
    sweep()
    machines.restart_machines(Scope("recovery", None))
    assert len(dunning.executions(failed)) == 1


def test_what_step_functions_forgot_is_started_again_at_once(
    dunning: Dunning, failed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = dunning.invoice()
    dunning.fail(done)
    dunning.pay(done)
    dunning.forget()
    dunning.use_machine("dunning-again")
    counts = machines.restart_machines(Scope("recovery", None))
    case = dunning.case(failed)
    assert dunning.executions(failed) == {f"{case['id']}-2": "RUNNING"} and dunning.executions(done) == {}
    assert counts["started"] >= 1 and counts["failed"] == 0
    assert machines.restart_machines(Scope("recovery", None))["started"] == 0


def test_one_case_that_cannot_be_started_does_not_stop_the_others(
    dunning: Dunning, failed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "_PAGE", 1)
    second = dunning.invoice()
    dunning.fail(second)
    stop(dunning, second)
    dunning.world.admin.execute(
        "UPDATE recovery.cases SET execution_arn = NULL, execution_name = 'bad name*' WHERE invoice_id = %s", (failed,)
    )
    counts = machines.restart_machines(Scope("recovery", None))
    assert counts["failed"] >= 1 and f"{dunning.case(second)['id']}-2" in dunning.executions(second)
