"""A case through its machine: real tasks, real PostgreSQL, SES in process, and a clock that moves when the machine waits."""

from datetime import timedelta
from typing import Any

import pytest

from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START

ALL = ["reminder_day_1", "reminder_day_3", "reminder_day_7", "last_call_day_14"]


def test_an_unpaid_invoice_gets_four_mails_and_is_lost_on_day_21(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    assert dunning.timeline(invoice_id) == [
        ("failure", None), *((kind, step) for step in ALL for kind in ("step", "mail")), ("closed", None),
    ]  # fmt: skip
    assert dunning.mailbox.addresses == ["ada@example.com"] * 4
    assert [subject.split(" ")[0] for subject in dunning.mailbox.subjects] == ["Your", "Invoice", "Please", "Last"]
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"], case["recovered_minor"]) == ("lost", "cadence_over", 0)
    assert dunning.clock.now == START + 21 * DAY
    emitted = dunning.world.emitted(workspace_id=dunning.workspace_id)
    assert emitted == ["recovery.case.opened.v1", *["recovery.mail.sent.v1"] * 4, "recovery.case.closed.v1"]


def test_a_payment_between_two_mails_ends_it(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    assert dunning.run(invoice_id, until=START + 4 * DAY) == "Wait"
    dunning.clock.set(START + 5 * DAY)
    dunning.pay(invoice_id)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    assert len(dunning.mailbox.subjects) == 2
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"], case["recovered_minor"], case["next_step_at"]) == (
        "recovered",
        "paid",
        2610,
        None,
    )


@pytest.mark.parametrize(
    ("status", "outcome"), [("paid", "recovered paid"), ("void", "lost voided"), ("uncollectible", "lost uncollectible")]
)
def test_the_machine_sees_a_final_invoice_even_if_no_fact_told_it(dunning: Dunning, status: str, outcome: str) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.move(DAY)
    dunning.invoice(invoice_id, status=status, amount_paid=2610 if status == "paid" else 0)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    case = dunning.case(invoice_id)
    assert f"{case['status']} {case['close_reason']}" == outcome and dunning.mailbox.subjects == []


def test_a_machine_that_wakes_late_sends_only_the_latest_step(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + 8 * DAY)
    assert dunning.run(invoice_id, until=START + 9 * DAY) == "Wait"
    assert dunning.timeline(invoice_id)[1:] == [
        ("skipped", "reminder_day_1"), ("skipped", "reminder_day_3"), ("step", "reminder_day_7"), ("mail", "reminder_day_7"),
    ]  # fmt: skip
    assert all("a later step" in reason for reason in dunning.reasons(invoice_id, "skipped"))
    assert dunning.mailbox.subjects == ["Please pay invoice A-0001"]


def test_a_machine_that_wakes_after_the_end_mails_nothing_and_says_so(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + 22 * DAY)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    assert dunning.timeline(invoice_id) == [("failure", None), *(("skipped", step) for step in ALL), ("closed", None)]
    assert dunning.mailbox.subjects == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"customer_email": "ada@example.org"}, "test workspace mails only"),
        ({"customer_email": None}, "neither the invoice nor its customer"),
        ({"customer_email": "nobody"}, "cannot be used"),
    ],
)
def test_steps_without_a_recipient_are_skipped_with_the_reason(dunning: Dunning, fields: dict[str, Any], reason: str) -> None:
    invoice_id = dunning.invoice(**fields)
    dunning.fail(invoice_id)
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done"
    assert dunning.timeline(invoice_id) == [("failure", None), *(("skipped", step) for step in ALL), ("closed", None)]
    assert all(reason in told and "example.org" not in told for told in dunning.reasons(invoice_id, "skipped"))
    assert dunning.mailbox.subjects == []


def test_the_machine_run_again_does_nothing_more(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.run(invoice_id, until=START + 30 * DAY)
    before = dunning.timeline(invoice_id)
    assert dunning.run(invoice_id, until=START + 60 * DAY) == "Done"
    assert dunning.timeline(invoice_id) == before and len(dunning.mailbox.subjects) == 4


def test_no_address_is_kept(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.run(invoice_id, until=START + 30 * DAY)
    query = "SELECT string_agg(t::text, '') FROM (SELECT c.* FROM recovery.cases c) t"
    for table in ("cases", "steps", "timeline", "outbox"):
        row = dunning.world.admin.execute(query.replace("recovery.cases", f"recovery.{table}").encode()).fetchone()
        assert row is not None and "ada@" not in (row[0] or "") and "Ada Kaya" not in (row[0] or "")


def test_the_timeline_is_only_ever_added_to(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    for statement in ("UPDATE recovery.timeline SET reason = 'x'", "DELETE FROM recovery.timeline"):
        with pytest.raises(Exception, match="permission denied"):
            dunning.world.within("recovery", lambda uow, s=statement: uow.conn.execute(s), dunning.workspace_id)
    with pytest.raises(Exception, match="only ever added"):
        dunning.world.admin.execute("UPDATE recovery.timeline SET reason = 'x'")


def test_a_late_wait_by_a_second_is_not_an_endless_loop(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + DAY - timedelta(milliseconds=300))
    decision = dunning.task("decide_next_step", dunning.case(invoice_id))
    assert (decision["next_step"], decision["wait_s"]) == ("wait", 1)
