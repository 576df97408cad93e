"""The cadence as data, and the rule that says what is next. Pure: time and state come in, a decision goes out."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from oppulence.recovery.models import Case, CaseStatus, CloseReason
from oppulence.sync.api import Invoice


@dataclass(frozen=True, slots=True)
class MailStep:
    """A mail, due some time after the first failed payment. `template` names a text and an HTML file."""

    name: str
    after: timedelta
    template: str
    subject: str


@dataclass(frozen=True, slots=True)
class Cadence:
    """Steps in order of their due time; a case still open `over_after` the first failure is lost.

    Raises:
        ValueError: two steps share a name, they are out of order, or one is due when the cadence is over.
    """

    name: str
    steps: tuple[MailStep, ...]
    over_after: timedelta

    def __post_init__(self) -> None:
        due = [timedelta(0), *(step.after for step in self.steps), self.over_after]
        if any(earlier >= later for earlier, later in zip(due, due[1:], strict=False)):
            raise ValueError(f"cadence {self.name}: each step is due after the one before, and all before the end")
        if len({step.name for step in self.steps}) != len(self.steps):
            raise ValueError(f"cadence {self.name}: two steps share a name")


DEFAULT = Cadence(
    "default",
    (
        MailStep("reminder_day_1", timedelta(days=1), "reminder", "Your payment for invoice $number did not go through"),
        MailStep("reminder_day_3", timedelta(days=3), "second_reminder", "Invoice $number is still unpaid"),
        MailStep("reminder_day_7", timedelta(days=7), "third_reminder", "Please pay invoice $number"),
        MailStep("last_call_day_14", timedelta(days=14), "last_call", "Last call for invoice $number"),
    ),
    timedelta(days=21),
)


class NextStep(StrEnum):
    """What the machine does next; its Choice state reads these words."""

    WAIT = "wait"
    SEND_MAIL = "send_mail"
    CLOSE = "close"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is next for a case, and why.

    `at` is the instant waited for, or that the step was due; `overtaken` are steps that came due but are not sent, because
    a later one, or the end, is due as well.
    """

    next_step: NextStep
    reason: str
    at: datetime | None = None
    wait_s: int | None = None
    step: MailStep | None = None
    close_reason: CloseReason | None = None
    overtaken: tuple[MailStep, ...] = ()


FINAL = {"paid": CloseReason.PAID, "void": CloseReason.VOIDED, "uncollectible": CloseReason.UNCOLLECTIBLE}
"""Statuses of an invoice for which no more mail is sent."""


def decide(case: Case, invoice: Invoice | None, cadence: Cadence, now: datetime) -> Decision:
    """What is next for a case at `now`. Calling it again after doing what it said always comes to an end.

    Of several steps that are due together only the latest is sent: reminders that come minutes apart help nobody.
    A step is never sent after a later one has had its outcome.
    """
    if case.status is not CaseStatus.OPEN:
        return Decision(NextStep.DONE, f"the case is {case.status}")
    if invoice is not None and invoice.status in FINAL:
        return Decision(NextStep.CLOSE, f"the invoice is {invoice.status}", now, close_reason=FINAL[invoice.status])
    left = _steps_left(case, cadence)
    due = tuple(step for step in left if case.opened_at + step.after <= now)
    over_at = case.opened_at + cadence.over_after
    if over_at <= now:
        reason = f"the cadence is over: {days(cadence.over_after)} after the first failed payment the invoice is unpaid"
        return Decision(NextStep.CLOSE, reason, over_at, close_reason=CloseReason.CADENCE_OVER, overtaken=due)
    if due:
        step = due[-1]
        reason = f"{days(step.after)} after the first failed payment the invoice is unpaid"
        return Decision(NextStep.SEND_MAIL, reason, case.opened_at + step.after, step=step, overtaken=due[:-1])
    return _wait(case, left, over_at, now)


def days(span: timedelta) -> str:
    """A span in words, such as `3 days`."""
    whole = span // timedelta(days=1)
    return f"{whole} day{'' if whole == 1 else 's'}"


def _steps_left(case: Case, cadence: Cadence) -> tuple[MailStep, ...]:
    """Steps after the latest one that has an outcome."""
    finished = [index for index, step in enumerate(cadence.steps) if step.name in case.finished_steps]
    return cadence.steps[max(finished, default=-1) + 1 :]


def _wait(case: Case, left: tuple[MailStep, ...], over_at: datetime, now: datetime) -> Decision:
    following = left[0] if left else None
    at = case.opened_at + following.after if following else over_at
    what = f"for {following.name}" if following else "for the end of the cadence"
    return Decision(NextStep.WAIT, f"waiting {what}", at, wait_s=max(1, math.ceil((at - now).total_seconds())), step=following)
