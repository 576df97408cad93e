"""The rule of the cadence: what comes when, whatever happens to the invoice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.recovery.cadence import DEFAULT, Cadence, Decision, MailStep, NextStep, decide
from oppulence.recovery.models import Case, CaseStatus, CloseReason
from oppulence.sync.api import Invoice

OPENED = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
OVER = OPENED + timedelta(days=21)
STEPS = [step.name for step in DEFAULT.steps]
STATUSES = ("open", "paid", "void", "uncollectible")

moments = st.integers(min_value=-3600, max_value=40 * 86_400).map(lambda seconds: OPENED + timedelta(seconds=seconds))


def case(**fields: object) -> Case:
    known: dict[str, object] = {
        "id": "case_1", "account": None, "invoice_id": "in_1", "customer_id": None, "amount_at_risk_minor": 2610,
        "recovered_minor": 0, "currency": "USD", "status": CaseStatus.OPEN, "close_reason": None, "failures": 1,
        "opened_at": OPENED,
        "closed_at": None, "next_step_at": None, "version": 1, "invoice_version": 1, "execution_name": "case_1",
        "execution_arn": None, "executions": 1, "finished_steps": frozenset(),
    }  # fmt: skip
    return Case(**(known | fields))  # type: ignore[arg-type]


def invoice(status: str = "open") -> Invoice:
    return Invoice(
        id="in_1", account=None, status=status, number="A-1", customer_id=None, customer_email="a@example.com",  # type: ignore[arg-type]
        customer_name=None, amount_remaining_minor=2610, amount_paid_minor=0, total_minor=2610, currency="USD",
        hosted_invoice_url=None, attempt_count=1, next_attempt_at=None, due_at=None, version=1,
    )  # fmt: skip


def finished(standing: Case, decision: Decision) -> Case:
    """The case after a decision was carried out."""
    names = {step.name for step in decision.overtaken}
    if decision.next_step is NextStep.SEND_MAIL and decision.step:
        names.add(decision.step.name)
    closed = {"status": CaseStatus.LOST, "close_reason": decision.close_reason} if decision.next_step is NextStep.CLOSE else {}
    return replace(standing, finished_steps=standing.finished_steps | names, **closed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("day", "step"), list(zip((1, 3, 7, 14), STEPS, strict=True)))
def test_each_mail_is_due_on_its_day_and_not_a_second_before(day: int, step: str) -> None:
    before = STEPS[: STEPS.index(step)]
    due = OPENED + timedelta(days=day)
    early = decide(case(finished_steps=frozenset(before)), invoice(), DEFAULT, due - timedelta(seconds=1))
    assert (early.next_step, early.wait_s, early.at) == (NextStep.WAIT, 1, due)
    now = decide(case(finished_steps=frozenset(before)), invoice(), DEFAULT, due)
    assert (now.next_step, now.step and now.step.name, now.overtaken) == (NextStep.SEND_MAIL, step, ())


def test_on_day_21_the_case_is_lost() -> None:
    standing = case(finished_steps=frozenset(STEPS))
    assert decide(standing, invoice(), DEFAULT, OVER - timedelta(days=1)).wait_s == 86_400
    assert decide(standing, invoice(), DEFAULT, OVER).close_reason is CloseReason.CADENCE_OVER


def test_of_several_steps_due_at_once_only_the_latest_is_sent() -> None:
    decision = decide(case(), invoice(), DEFAULT, OPENED + timedelta(days=8))
    assert decision.step is not None and decision.step.name == "reminder_day_7"
    assert [step.name for step in decision.overtaken] == ["reminder_day_1", "reminder_day_3"]


def test_an_invoice_that_the_mirror_lost_goes_through_the_cadence() -> None:
    assert decide(case(), None, DEFAULT, OPENED).next_step is NextStep.WAIT
    assert decide(case(), None, DEFAULT, OVER).close_reason is CloseReason.CADENCE_OVER


@given(now=moments, status=st.sampled_from(STATUSES[1:]), done=st.sets(st.sampled_from(STEPS)))
def test_nothing_is_mailed_for_a_final_invoice(now: datetime, status: str, done: set[str]) -> None:
    decision = decide(case(finished_steps=frozenset(done)), invoice(status), DEFAULT, now)
    assert decision.next_step is NextStep.CLOSE and decision.step is None and decision.overtaken == ()


@given(now=moments, status=st.sampled_from(STATUSES), end=st.sampled_from([CaseStatus.LOST, CaseStatus.RECOVERED]))
def test_nothing_is_done_for_a_closed_case(now: datetime, status: str, end: CaseStatus) -> None:
    assert decide(case(status=end), invoice(status), DEFAULT, now).next_step is NextStep.DONE


@given(st.lists(st.tuples(st.integers(0, 10 * 86_400), st.integers(0, 3)), max_size=30))
def test_however_late_the_machine_is_each_step_has_one_outcome_in_order_and_it_ends(delays: list[tuple[int, int]]) -> None:
    """The machine wakes late by arbitrary delays, and repeats itself."""
    standing, now, sent, last_at = case(), OPENED, [], OPENED
    late = iter(delays)
    for _ in range(60):
        decision = decide(standing, invoice(), DEFAULT, now)
        if decision.next_step is NextStep.DONE:
            break
        if decision.next_step is NextStep.WAIT:
            assert decision.wait_s is not None and decision.wait_s >= 1
            assert decision.at is not None and decision.at > now
            assert now + timedelta(seconds=decision.wait_s) >= decision.at, "it wakes when the step is due"
            now += timedelta(seconds=decision.wait_s + next(late, (0, 0))[0])
            continue
        outcomes = [step.name for step in decision.overtaken] + ([decision.step.name] if decision.step else [])
        assert not set(outcomes) & standing.finished_steps
        assert decision.at is not None and decision.at <= now
        if decision.step:
            assert now >= last_at and now < OVER
            sent.append(decision.step.name)
            last_at = now
        standing = finished(standing, decision)
    assert standing.status is CaseStatus.LOST and standing.finished_steps == set(STEPS)
    assert sent == sorted(set(sent), key=STEPS.index)


@given(now=moments, done=st.sets(st.sampled_from(STEPS)))
def test_waits_are_never_negative_and_never_past_the_end(now: datetime, done: set[str]) -> None:
    decision = decide(case(finished_steps=frozenset(done)), invoice(), DEFAULT, now)
    if decision.next_step is NextStep.WAIT:
        assert decision.wait_s is not None and 1 <= decision.wait_s <= (OVER - now).total_seconds() + 1
    else:
        assert decision.wait_s is None


@pytest.mark.parametrize("days", [(3, 1), (1, 1), (0, 1), (1, 30)])
def test_a_cadence_out_of_order_is_refused(days: tuple[int, int]) -> None:
    steps = tuple(MailStep(f"s{n}", timedelta(days=day), "reminder", "x") for n, day in enumerate(days))
    with pytest.raises(ValueError, match="after the one before"):
        Cadence("broken", steps, timedelta(days=21))


def test_a_cadence_with_twins_is_refused() -> None:
    steps = tuple(MailStep("same", timedelta(days=day), "reminder", "x") for day in (1, 2))
    with pytest.raises(ValueError, match="share a name"):
        Cadence("broken", steps, timedelta(days=21))
