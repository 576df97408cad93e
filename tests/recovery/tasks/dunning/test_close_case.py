"""A case is closed only if that is what is next."""

from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START


def test_a_case_whose_cadence_is_over_is_lost(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + 21 * DAY)
    assert dunning.task("close_case", dunning.case(invoice_id)) == {"closed": True}
    assert dunning.case(invoice_id)["close_reason"] == "cadence_over"
    assert "21 days after" in dunning.reasons(invoice_id, "closed")[0]
    assert dunning.task("close_case", dunning.case(invoice_id)) == {"closed": False}


def test_a_payment_that_came_in_between_is_a_recovery(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + 21 * DAY)
    assert dunning.task("decide_next_step", dunning.case(invoice_id))["next_step"] == "close"
    dunning.invoice(invoice_id, status="paid", amount_paid=2610)
    assert dunning.task("close_case", dunning.case(invoice_id)) == {"closed": True}
    assert dunning.case(invoice_id)["status"] == "recovered"


def test_a_case_with_steps_to_come_stays_open(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    assert dunning.task("close_case", dunning.case(invoice_id)) == {"closed": False}
    assert dunning.case(invoice_id)["status"] == "open"


def test_another_workspaces_case_stays_open(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + 21 * DAY)
    answer = dunning.task("close_case", dunning.case(invoice_id), workspace_id=dunning.world.workspace_id)
    assert answer == {"closed": False} and dunning.case(invoice_id)["status"] == "open"
