"""What the machine is told to do next."""

from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START


def test_it_waits_for_the_first_mail_in_seconds_of_domain_time(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    answer = dunning.task("decide_next_step", dunning.case(invoice_id))
    assert answer == {"next_step": "wait", "wait_s": 86_400, "step": "reminder_day_1", "reason": "waiting for reminder_day_1"}
    assert dunning.case(invoice_id)["next_step_at"] == "2026-01-06T12:00:00+00:00"


def test_a_failure_that_was_told_late_is_counted_from_when_it_happened(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id, at=START - DAY / 2)
    assert dunning.task("decide_next_step", dunning.case(invoice_id))["wait_s"] == 43_200


def test_a_due_step_and_the_end_are_named(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + DAY)
    answer = dunning.task("decide_next_step", dunning.case(invoice_id))
    assert (answer["next_step"], answer["step"], answer["wait_s"]) == ("send_mail", "reminder_day_1", None)
    dunning.clock.set(START + 21 * DAY)
    assert dunning.task("decide_next_step", dunning.case(invoice_id))["next_step"] == "close"


def test_a_machine_that_is_not_the_cases_own_is_done(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    case = dunning.case(invoice_id)
    answer = dunning.task("decide_next_step", case, execution=f"{case['id']}-2")
    assert answer["next_step"] == "done" and case["id"] in answer["reason"]
    assert dunning.case(invoice_id) == case


def test_another_workspaces_case_does_not_exist(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    answer = dunning.task("decide_next_step", dunning.case(invoice_id), workspace_id=dunning.world.workspace_id)
    assert (answer["next_step"], answer["reason"]) == ("done", "there is no such case")
