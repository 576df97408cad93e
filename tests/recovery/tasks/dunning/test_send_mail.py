"""One mail a step in effect: what is sent, recorded and repeated when SES or the function fails."""

import hashlib

import pytest

from oppulence.recovery.ses_gateway import NotSent, Uncertain
from tests.recovery import ses_faults
from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START

STEP = "reminder_day_1"


@pytest.fixture
def due(dunning: Dunning) -> str:
    """An invoice whose first reminder is due."""
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.set(START + DAY)
    dunning.world.emitted(workspace_id=dunning.workspace_id)
    return invoice_id


def send(dunning: Dunning, invoice_id: str, step: str = STEP) -> str:
    return str(dunning.task("send_mail", dunning.case(invoice_id), step=step)["outcome"])


def test_the_mail_goes_to_the_customer_with_both_parts_and_is_recorded(dunning: Dunning, due: str) -> None:
    assert send(dunning, due) == "sent"
    (message,) = dunning.mailbox.backend.sent_messages
    assert message.source == "billing@oppulence.test" and message.destinations == {"ToAddresses": ["ada@example.com"]}
    assert (
        message.subject == "Your payment for invoice A-0001 did not go through" and "<strong>26.10 USD</strong>" in message.body
    )
    assert dunning.timeline(due)[1:] == [("step", STEP), ("mail", STEP)]
    case = dunning.case(due)
    row = dunning.world.admin.execute(
        "SELECT recipient_hash, message_id FROM recovery.steps WHERE case_id = %s", (case["id"],)
    ).fetchone()
    assert row == (hashlib.sha256(f"{case['id']}:ada@example.com".encode()).digest(), message.id)
    (sent,) = dunning.world.envelopes(workspace_id=dunning.workspace_id)
    assert (sent.type, sent.data["step"], sent.data["message_id"]) == ("recovery.mail.sent", STEP, message.id)


def test_the_machine_repeating_itself_sends_nothing_more(dunning: Dunning, due: str) -> None:
    assert [send(dunning, due), send(dunning, due)] == ["sent", "stale"]
    assert len(dunning.mailbox.subjects) == 1


def test_a_payment_between_decision_and_mail_stops_it(dunning: Dunning, due: str) -> None:
    assert dunning.task("decide_next_step", dunning.case(due))["next_step"] == "send_mail"
    dunning.invoice(due, status="paid", amount_paid=2610)
    assert send(dunning, due) == "stale" and dunning.mailbox.subjects == []
    dunning.pay(due)
    assert send(dunning, due) == "stale" and dunning.mailbox.subjects == []


def test_a_step_that_is_not_next_is_not_sent(dunning: Dunning, due: str) -> None:
    assert send(dunning, due, "reminder_day_3") == "stale"
    dunning.clock.set(START + 3 * DAY)
    assert send(dunning, due, "reminder_day_1") == "stale" and dunning.mailbox.subjects == []


def test_a_machine_that_is_not_the_cases_own_sends_nothing(dunning: Dunning, due: str) -> None:
    answer = dunning.task("send_mail", dunning.case(due), step=STEP, execution="case_x-7")
    assert answer == {"outcome": "stale"} and dunning.mailbox.subjects == []


@pytest.mark.parametrize(
    ("fault", "error"), [(ses_faults.answer_lost, Uncertain), (ses_faults.killed_after_sending, ses_faults.Died)]
)
def test_after_a_lost_answer_the_mail_is_asked_for_once_more_and_then_never(
    dunning: Dunning, due: str, fault: object, error: type[BaseException]
) -> None:
    for attempts in (1, 2):
        with fault(), pytest.raises(error):  # type: ignore[operator]
            send(dunning, due)
        assert dunning.step(due, STEP) == ("pending", attempts) and len(dunning.mailbox.subjects) == attempts
    assert send(dunning, due) == "skipped" and len(dunning.mailbox.subjects) == 2
    assert dunning.step(due, STEP) == ("unknown", 2)
    assert dunning.timeline(due)[1:] == [("step", STEP), ("skipped", STEP)]
    assert "may have gone out" in dunning.reasons(due, "skipped")[0]
    assert dunning.task("decide_next_step", dunning.case(due))["next_step"] == "wait"


def test_the_second_attempt_after_a_lost_answer_is_recorded_as_sent(dunning: Dunning, due: str) -> None:
    with ses_faults.answer_lost(), pytest.raises(Uncertain):
        send(dunning, due)
    assert send(dunning, due) == "sent" and dunning.step(due, STEP) == ("sent", 2)
    assert dunning.timeline(due)[1:] == [("step", STEP), ("mail", STEP)]


def test_a_database_that_is_away_for_a_moment_costs_no_second_mail(dunning: Dunning, due: str) -> None:
    with ses_faults.database_leaving_after_sending(port=1):
        assert send(dunning, due) == "sent"
    assert dunning.step(due, STEP) == ("sent", 1) and len(dunning.mailbox.subjects) == 1


def test_a_step_overtaken_while_its_answer_is_lost_is_not_called_skipped(dunning: Dunning, due: str) -> None:
    with ses_faults.answer_lost(), pytest.raises(Uncertain):
        send(dunning, due)
    dunning.clock.set(START + 4 * DAY)
    assert dunning.task("decide_next_step", dunning.case(due))["step"] == "reminder_day_3"
    assert dunning.step(due, STEP) == ("unknown", 1) and "may have gone out" in dunning.reasons(due, "skipped")[0]


def test_an_answer_5xx_counts_as_lost(dunning: Dunning, due: str) -> None:
    with ses_faults.answering(500, "InternalServiceError"), pytest.raises(Uncertain):
        send(dunning, due)
    assert dunning.step(due, STEP) == ("pending", 1)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "SendingPausedException", "MailFromDomainNotVerifiedException"])
def test_what_ses_refuses_for_now_is_tried_again_as_often_as_it_takes(dunning: Dunning, due: str, code: str) -> None:
    for _ in range(4):
        with ses_faults.answering(429, code), pytest.raises(NotSent, match=code):
            send(dunning, due)
        assert dunning.step(due, STEP) == ("pending", 0)
    assert send(dunning, due) == "sent" and len(dunning.mailbox.subjects) == 1


def test_ses_out_of_reach_is_tried_again_as_often_as_it_takes(dunning: Dunning, due: str) -> None:
    for _ in range(4):
        with ses_faults.out_of_reach(), pytest.raises(NotSent):
            send(dunning, due)
    assert send(dunning, due) == "sent" and dunning.step(due, STEP) == ("sent", 1)


def test_a_mail_that_ses_refuses_for_good_is_skipped_and_its_words_are_not_kept(dunning: Dunning, due: str) -> None:
    with ses_faults.answering(400, "MessageRejected"):
        assert send(dunning, due) == "skipped"
    assert dunning.step(due, STEP) == ("skipped", 0)
    assert dunning.reasons(due, "skipped") == ["the mail service refused the mail: MessageRejected"]
    assert dunning.task("decide_next_step", dunning.case(due))["next_step"] == "wait"


def test_the_client_never_repeats_a_sending_by_itself(dunning: Dunning, due: str) -> None:
    with ses_faults.answer_lost(), pytest.raises(Uncertain):
        send(dunning, due)
    assert len(dunning.mailbox.subjects) == 1
