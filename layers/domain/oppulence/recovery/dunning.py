"""What the machine does for a case: decide, mail, close. Each act looks again at case and invoice before it acts.

The machine that asks must be the one whose name the case has reserved; any other is told that it is done.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oppulence.kernel import telemetry
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.recovery import cases, mails, recipients, ses_gateway, store
from oppulence.recovery.cadence import DEFAULT, FINAL, Decision, NextStep, decide
from oppulence.recovery.cases import End
from oppulence.recovery.events import MailSent
from oppulence.recovery.models import Case, CloseReason, Entry, EntryKind, StepStatus
from oppulence.recovery.ses_gateway import Letter
from oppulence.sync import api as mirror
from oppulence.tenancy import api as tenancy

MAX_ATTEMPTS = 2
"""How often one mail is asked of SES when its answer is missing."""

PAUSES_S = (0.5, 1, 2, 4)
"""Real seconds between tries to record that a mail went out."""


class Outcome(StrEnum):
    """What became of a step that the machine was told to do."""

    SENT = "sent"
    SKIPPED = "skipped"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Run:
    """Which machine asks, for which case."""

    case_id: str
    execution: str


def decide_next_step(uow: UnitOfWork, run: Run) -> Decision:
    """What is next for the case; steps that were overtaken get their outcome here."""
    case, decision = _decide(uow, run)
    if case is None or decision.next_step is NextStep.DONE:
        return decision
    for step in decision.overtaken:
        _skip(uow, case, step.name, "a later step, or the end of the cadence, was due as well when it could have been sent")
    store.plan(uow.conn, case.id, decision.at)
    return decision


def close_case(uow: UnitOfWork, run: Run) -> bool:
    """Close the case if that is still what is next; otherwise the machine decides again."""
    case, decision = _decide(uow, run)
    if case is None or decision.next_step is not NextStep.CLOSE:
        return False
    invoice = mirror.invoice(uow.conn, case.account, case.invoice_id)
    if invoice is not None and invoice.status in FINAL:
        cases.close_as_shown(uow, case, invoice)
    else:
        cases.close(uow, case.id, End(CloseReason.CADENCE_OVER, decision.reason, uow.now))
    return True


def send_mail(scope: Scope, run: Run, step_name: str) -> Outcome:
    """Send one step's mail: the intent is committed, SES is called with no transaction held, the result is recorded.

    What is guaranteed: a step that has its outcome is never sent again, and none is asked for once the mirror shows the invoice
    as final or the case is closed (a payment in the instant between that look and the call cannot be seen). Each step is
    mailed exactly once, but for one case: SES has no idempotency token, so when its answer is missing (the connection broke, a
    5xx) or was not recorded (the function died, the database stayed away), the mail is asked for once more. Then two copies
    may go out, never three; if the second answer is missing too, the step ends as `unknown` and the cadence goes on.

    Raises:
        NotSent: SES refuses for now (throttled, paused, out of reach); the attempt does not count and the machine tries again.
        Uncertain: the answer is missing; the attempt counts and the machine tries again.
    """
    letter = in_transaction(scope, lambda uow: _intend(uow, run, step_name))
    if not isinstance(letter, Letter):
        return letter
    try:
        message_id = ses_gateway.send(letter)
    except ses_gateway.Refused as refused:
        why = f"the mail service refused the mail: {refused}"
        telemetry.logger().error("mail_refused", extra={"case_id": run.case_id, "step": step_name, "code": str(refused)})
        in_transaction(scope, lambda uow: _refused(uow, run, step_name, why))
        return Outcome.SKIPPED
    except ses_gateway.NotSent:
        in_transaction(scope, lambda uow: store.take_attempt_back(uow.conn, run.case_id, step_name))
        raise
    _patiently(scope, lambda uow: _record_sent(uow, run, step_name, message_id))
    return Outcome.SENT


def record_failure(uow: UnitOfWork, run: Run, error: str) -> None:
    """Note that the machine gives up. The sweep starts another one, so the case goes on. `error` is its class alone."""
    case = store.lock_case(uow.conn, run.case_id)
    if case is None or case.execution_name != run.execution:
        return
    why = f"the machine {run.execution} stopped: a task kept failing ({error[:100]}); another one takes over"
    store.add_entry(uow.conn, uow.workspace_id, case.id, Entry(uow.now, EntryKind.STEP, why), f"failed:{run.execution}")
    store.touch(uow.conn, case.id)


def _decide(uow: UnitOfWork, run: Run) -> tuple[Case | None, Decision]:
    case = store.lock_case(uow.conn, run.case_id)
    if case is None:
        return None, Decision(NextStep.DONE, "there is no such case")
    if case.execution_name != run.execution:
        return case, Decision(NextStep.DONE, f"the machine {case.execution_name} looks after the case")
    return case, decide(case, mirror.invoice(uow.conn, case.account, case.invoice_id), DEFAULT, uow.now)


def _intend(uow: UnitOfWork, run: Run, step_name: str) -> Letter | Outcome:
    """Write the intent and compose the mail, or say why there is none."""
    case, decision = _decide(uow, run)
    step = decision.step
    if case is None or decision.next_step is not NextStep.SEND_MAIL or step is None or step.name != step_name:
        return Outcome.STALE
    known = store.fetch_step(uow.conn, case.id, step.name)
    if known is not None and known.attempts >= MAX_ATTEMPTS:
        _skip(uow, case, step.name, f"{known.attempts} attempts to send are enough")
        return Outcome.SKIPPED
    invoice = mirror.invoice(uow.conn, case.account, case.invoice_id)
    sender = tenancy.workspace(uow.conn)
    address = recipients.recipient(invoice, sender)
    if isinstance(address, recipients.Refusal):
        _skip(uow, case, step.name, address.reason)
        return Outcome.SKIPPED
    assert invoice is not None and sender is not None, "there is an address"
    hashed = hashlib.sha256(f"{case.id}:{address.lower()}".encode()).digest()
    store.ask_step(
        uow.conn, uow.workspace_id, {"case_id": case.id, "step": step.name, "recipient_hash": hashed, "at": uow.now}
    )  # fmt: skip
    store.plan(uow.conn, case.id, decision.at)
    why = Entry(uow.now, EntryKind.STEP, decision.reason, step.name)
    store.add_entry(uow.conn, uow.workspace_id, case.id, why, f"step:{step.name}")
    return Letter(address, mails.render(step, invoice, sender.name), case.id, step.name)


def _record_sent(uow: UnitOfWork, run: Run, step_name: str, message_id: str) -> None:
    case = store.lock_case(uow.conn, run.case_id)
    if case is None:
        return  # erased meanwhile
    if not store.finish_step(uow.conn, uow.workspace_id, _outcome(run.case_id, step_name, StepStatus.SENT, uow.now, message_id)):
        return
    entry = Entry(uow.now, EntryKind.MAIL, "the mail was handed to the mail service", step_name, {"message_id": message_id})
    store.add_entry(uow.conn, uow.workspace_id, case.id, entry)
    uow.emit(
        MailSent(
            case_id=case.id, invoice_id=case.invoice_id, customer_id=case.customer_id, step=step_name, message_id=message_id
        )
    )  # fmt: skip


def _refused(uow: UnitOfWork, run: Run, step_name: str, why: str) -> None:
    store.take_attempt_back(uow.conn, run.case_id, step_name)
    case = store.lock_case(uow.conn, run.case_id)
    if case is not None:
        _skip(uow, case, step_name, why)


def _skip(uow: UnitOfWork, case: Case, step_name: str, why: str) -> None:
    """Give a step its outcome without a mail."""
    status = store.finish_step(uow.conn, uow.workspace_id, _outcome(case.id, step_name, StepStatus.SKIPPED, uow.now))
    if status is StepStatus.UNKNOWN:
        why = f"{why}; the mail service was asked before without an answer, so the mail may have gone out"
    if status is not None:
        store.add_entry(uow.conn, uow.workspace_id, case.id, Entry(uow.now, EntryKind.SKIPPED, why, step_name))


def _patiently(scope: Scope, work: Callable[[UnitOfWork], None]) -> None:
    """Outlive a short absence of the database: what SES answered is known to this process alone."""
    for pause_s in PAUSES_S:
        try:
            return in_transaction(scope, work)
        except Unavailable:
            time.sleep(pause_s)
    return in_transaction(scope, work)


def _outcome(case_id: str, step: str, status: StepStatus, at: datetime, message_id: str | None = None) -> dict[str, object]:
    return {"case_id": case_id, "step": step, "status": status, "message_id": message_id, "at": at}
