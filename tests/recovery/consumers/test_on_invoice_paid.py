"""A payment closes the case as recovered, whatever it was before."""

import json

import pytest

from oppulence.sync import events as sync_events
from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START


def test_a_payment_recovers_the_case(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.pay(invoice_id, at=START + 2 * DAY)
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"], case["recovered_minor"]) == ("recovered", "paid", 2610)
    assert case["closed_at"] == "2026-01-07T12:00:00+00:00" and case["next_step_at"] is None
    assert dunning.timeline(invoice_id) == [("failure", None), ("closed", None)]
    assert dunning.reasons(invoice_id, "closed") == ["the invoice was paid: 26.10 USD"]
    closed = dunning.world.envelopes(workspace_id=dunning.workspace_id)[-1]
    assert closed.type == "recovery.case.closed" and closed.occurred_at == START + 2 * DAY
    assert (closed.data["status"], closed.data["reason"], closed.data["recovered_minor"]) == ("recovered", "paid", 2610)


def test_what_was_at_risk_and_what_came_back_are_measured_by_currency(
    dunning: Dunning, capsys: pytest.CaptureFixture[str]
) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.pay(invoice_id, at=START + 2 * DAY)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    measured = {name: (line[name], line["currency"]) for line in lines for name in line if name.startswith("amount_")}
    assert measured == {"amount_at_risk_minor": (2610, "USD"), "amount_recovered_minor": (2610, "USD")}
    assert [line["status"] for line in lines if "recovery_cases_total" in line] == ["opened", "recovered"]


def test_what_was_paid_before_the_failure_is_not_recovered(dunning: Dunning) -> None:
    invoice_id = dunning.invoice(total=5000, amount_paid=3000, amount_remaining=2000)
    dunning.fail(invoice_id, amount_remaining_minor=2000)
    dunning.invoice(invoice_id, status="paid", amount_paid=5000)
    assert dunning.deliver(dunning.fact(sync_events.InvoicePaid, invoice_id)) == []
    assert dunning.case(invoice_id)["recovered_minor"] == 2000


def test_a_credit_note_lowers_what_was_recovered(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.invoice(invoice_id, status="paid", amount_paid=2000)
    assert dunning.deliver(dunning.fact(sync_events.InvoicePaid, invoice_id)) == []
    assert dunning.case(invoice_id)["recovered_minor"] == 2000


def test_a_late_payment_turns_a_lost_case_into_a_recovered_one(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    dunning.world.emitted(workspace_id=dunning.workspace_id)
    dunning.clock.set(START + 40 * DAY)
    dunning.pay(invoice_id)
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"], case["recovered_minor"]) == ("recovered", "paid", 2610)
    assert dunning.timeline(invoice_id)[-3:] == [("closed", None), ("reopened", None), ("closed", None)]
    emitted = dunning.world.envelopes(workspace_id=dunning.workspace_id)
    assert [one.type for one in emitted] == ["recovery.case.reopened", "recovery.case.closed"]
    assert emitted[0].data["object_version"] < emitted[1].data["object_version"]


def test_a_payment_wins_over_a_later_version(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    paid = dunning.fact(sync_events.InvoicePaid, invoice_id, amount_paid_minor=2610)
    dunning.lose(invoice_id, "uncollectible")
    assert dunning.case(invoice_id)["status"] == "lost"
    assert dunning.deliver(paid) == []
    assert dunning.case(invoice_id)["status"] == "recovered"


def test_a_payment_told_twice_recovers_once(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    paid = dunning.pay(invoice_id)
    before = dunning.case(invoice_id)
    assert dunning.deliver(paid, dunning.fact(sync_events.InvoicePaid, invoice_id)) == []
    assert dunning.case(invoice_id) == before


def test_an_invoice_without_a_case_is_none_of_ours(dunning: Dunning) -> None:
    dunning.pay(dunning.invoice())
    assert dunning.world.count("recovery.cases", dunning.workspace_id) == 0


def test_another_workspaces_case_stays_open(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    paid = dunning.fact(sync_events.InvoicePaid, invoice_id, amount_paid_minor=2610)
    stranger = paid.model_copy(update={"workspace_id": dunning.world.workspace_id})
    assert dunning.deliver(stranger) == []
    assert dunning.case(invoice_id)["status"] == "open"
