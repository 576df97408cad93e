"""A failed payment opens one case and starts one machine, whatever is repeated, reordered or down."""

from datetime import timedelta

import pytest

from oppulence.sync import events as sync_events
from tests.recovery.support import DAY, Dunning
from tests.support import entries
from tests.support.standing_clock import START

CONSUMER = "recovery.consumers.on_invoice_payment_failed"


def test_a_failure_opens_a_case_and_starts_a_machine_of_its_name(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id, at=START - timedelta(hours=2))
    case = dunning.case(invoice_id)
    assert case["id"].startswith("case_") and case["opened_at"] == "2026-01-05T10:00:00+00:00"
    assert (case["status"], case["amount_at_risk_minor"], case["currency"], case["failures"]) == ("open", 2610, "USD", 1)
    assert dunning.executions(invoice_id) == {case["id"]: "RUNNING"}
    execution = dunning.states.describe_execution(executionArn=case["execution_arn"])
    assert f'"workspace_id": "{dunning.workspace_id}"' in execution["input"] and case["id"] in execution["input"]
    (opened,) = dunning.world.envelopes(workspace_id=dunning.workspace_id)
    assert opened.type == "recovery.case.opened" and opened.occurred_at == START - timedelta(hours=2)
    assert opened.data["amount_at_risk_minor"] == 2610 and opened.data["case_id"] == case["id"]


def test_later_failures_join_the_case(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.fail(invoice_id, at=START + 3 * DAY, attempt_count=2, next_attempt_at=START + 8 * DAY)
    case = dunning.case(invoice_id)
    assert (case["failures"], case["opened_at"]) == (2, "2026-01-05T12:00:00+00:00")
    assert dunning.reasons(invoice_id, "failure") == [
        "payment attempt 1 failed", "payment attempt 2 failed, the provider tries again at 2026-01-13 12:00 UTC",
    ]  # fmt: skip
    assert len(dunning.executions(invoice_id)) == 1
    assert dunning.world.emitted(workspace_id=dunning.workspace_id) == ["recovery.case.opened.v1"]


def test_a_failure_told_again_is_told_once(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    fact = dunning.fail(invoice_id)
    assert dunning.deliver(fact, fact) == []
    again = entries.envelope(dunning.workspace_id, sync_events.InvoicePaymentFailed.model_validate(fact.data))
    assert dunning.deliver(again) == []
    assert dunning.case(invoice_id)["failures"] == 1 and dunning.timeline(invoice_id) == [("failure", None)]


def test_failures_in_the_wrong_order_date_the_case_back(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id, at=START, attempt_count=2, amount_remaining_minor=2000)
    dunning.fail(invoice_id, at=START - 3 * DAY, attempt_count=1, amount_remaining_minor=2610)
    case = dunning.case(invoice_id)
    assert (case["opened_at"], case["amount_at_risk_minor"], case["failures"]) == ("2026-01-02T12:00:00+00:00", 2610, 2)
    told = dunning.world.envelopes(workspace_id=dunning.workspace_id)
    dated = [one.data["opened_at"] for one in told if one.type == "recovery.case.dated_back"]
    assert dated == ["2026-01-02T12:00:00Z"]


@pytest.mark.parametrize(
    ("status", "end"),
    [("paid", ("recovered", "paid")), ("void", ("lost", "voided")), ("uncollectible", ("lost", "uncollectible"))],
)
def test_a_failure_that_comes_after_the_end_closes_at_once_and_starts_no_machine(
    dunning: Dunning, status: str, end: tuple[str, str]
) -> None:
    invoice_id = dunning.invoice()
    failure = dunning.fact(sync_events.InvoicePaymentFailed, invoice_id, at=START - DAY)
    if status == "paid":
        dunning.pay(invoice_id)
    else:
        dunning.lose(invoice_id, status)
    assert dunning.deliver(failure) == []
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"]) == end
    assert case["recovered_minor"] == (2610 if status == "paid" else 0)
    assert dunning.executions(invoice_id) == {}
    emitted = dunning.world.emitted(workspace_id=dunning.workspace_id)
    assert emitted == ["recovery.case.opened.v1", "recovery.case.closed.v1"]


def test_a_machine_that_does_not_start_sends_the_record_back_and_starts_when_it_comes_again(
    dunning: Dunning, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice_id = dunning.invoice()
    fact = dunning.fact(sync_events.InvoicePaymentFailed, invoice_id)
    monkeypatch.setenv("MACHINE_RECOVERY_DUNNING", dunning.machine_arn + "-gone")
    assert len(dunning.deliver(fact)) == 1
    assert dunning.case(invoice_id)["execution_arn"] is None
    monkeypatch.setenv("MACHINE_RECOVERY_DUNNING", dunning.machine_arn)
    assert dunning.deliver(fact) == []
    case = dunning.case(invoice_id)
    assert dunning.executions(invoice_id) == {case["id"]: "RUNNING"} and case["failures"] == 1


def test_one_record_that_fails_does_not_send_the_others_back(dunning: Dunning) -> None:
    good, bad = dunning.invoice(), dunning.invoice()
    overflowing = dunning.fact(sync_events.InvoicePaymentFailed, bad, amount_remaining_minor=2**63)
    batch = [dunning.fact(sync_events.InvoicePaymentFailed, good), overflowing]
    assert len(dunning.world.deliver(CONSUMER, *batch, workspace_id=dunning.workspace_id)) == 1
    assert dunning.case(good)["failures"] == 1


def test_an_invoice_id_of_two_accounts_has_two_cases(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.fail(invoice_id, account="acct_1")
    assert dunning.world.count("recovery.cases", dunning.workspace_id) == 2


def test_an_invoice_that_is_open_again_after_its_payment_reopens_the_case(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.pay(invoice_id)
    dunning.world.emitted(workspace_id=dunning.workspace_id)
    dunning.invoice(invoice_id, status="open", amount_paid=0, amount_remaining=2610)
    dunning.fail(invoice_id, at=START + 2 * DAY, attempt_count=2)
    case = dunning.case(invoice_id)
    assert (case["status"], case["recovered_minor"], case["execution_name"]) == ("open", 0, f"{case['id']}-2")
    assert dunning.executions(invoice_id) == {case["id"]: "RUNNING", f"{case['id']}-2": "RUNNING"}
    assert dunning.world.emitted(workspace_id=dunning.workspace_id) == ["recovery.case.reopened.v1"]
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    assert dunning.case(invoice_id)["status"] == "lost"


def test_an_older_failure_does_not_reopen_a_recovered_case(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    late = dunning.fact(sync_events.InvoicePaymentFailed, invoice_id, at=START + DAY, attempt_count=2)
    dunning.pay(invoice_id)
    assert dunning.deliver(late) == []
    case = dunning.case(invoice_id)
    assert (case["status"], case["failures"]) == ("recovered", 2)


def test_a_failure_of_an_invoice_that_the_mirror_does_not_have_still_opens_a_case(dunning: Dunning) -> None:
    fact = dunning.fact(sync_events.InvoicePaymentFailed, "in_unknown")
    assert dunning.deliver(fact) == []
    assert dunning.run("in_unknown", until=START + 30 * DAY) == "Done"
    assert dunning.reasons("in_unknown", "skipped") == ["the mirror no longer has the invoice"] * 4
