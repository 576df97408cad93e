"""A case's life: opened by a failed payment, closed by what becomes of the invoice or by the end of the cadence.

Facts come in any order and more than once. So a case is opened on the invoice as the mirror shows it now, an older fact
about the invoice changes nothing, and a payment always wins.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from oppulence.kernel import telemetry
from oppulence.kernel.ids import new_id
from oppulence.kernel.money import Money
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import store
from oppulence.recovery.cadence import DEFAULT, FINAL
from oppulence.recovery.events import CaseClosed, CaseDatedBack, CaseOpened, CaseReopened
from oppulence.recovery.models import Case, CaseStatus, CloseReason, Entry, EntryKind
from oppulence.sync import api as mirror
from oppulence.sync.events import InvoiceFact, InvoicePaid, InvoicePaymentFailed


@dataclass(frozen=True, slots=True)
class End:
    """How a case ends; `amount_paid_minor` is what the invoice was paid in all, before and after the failure."""

    reason: CloseReason
    why: str
    at: datetime
    amount_paid_minor: int = 0
    invoice_version: int = 0


def take_failure(uow: UnitOfWork, fact: InvoicePaymentFailed, occurred_at: datetime) -> str:
    """Open the invoice's case, or add the failure to it; returns the case's id.

    An invoice that the mirror shows as final closes the case at once: then the facts came out of order. One that was paid
    and is open again, by the same mirror, reopens it; the cadence goes on where it stands.
    """
    case_id = new_id("case")
    opened = store.insert_case(
        uow.conn, uow.workspace_id,
        {
            "id": case_id, "account": fact.account or "", "invoice_id": fact.object_id, "customer_id": fact.customer_id,
            "amount_at_risk_minor": fact.amount_remaining_minor, "currency": fact.currency, "opened_at": occurred_at,
            "invoice_version": fact.object_version,
        },
    )  # fmt: skip
    case = _locked_case_of(uow, fact)
    _add_failure(uow, case, fact, occurred_at)
    if opened:
        uow.emit(CaseOpened(**_about(case)), occurred_at)
        uow.after_commit(lambda: _measure_opened(case))
    _follow_mirror(uow, _locked_case_of(uow, fact), fact)
    return case.id


def take_payment(uow: UnitOfWork, fact: InvoicePaid, occurred_at: datetime) -> None:
    """The invoice is paid: its case is recovered, also when it was lost before. No case, nothing to do."""
    case = store.lock_case_of(uow.conn, fact.account, fact.object_id)
    if case is None or case.status is CaseStatus.RECOVERED:
        return
    if case.status is CaseStatus.LOST:
        _reopen(uow, case, f"the invoice was paid after the case had been closed as {case.close_reason}", occurred_at)
    why = f"the invoice was paid: {Money(fact.amount_paid_minor, fact.currency)}"
    close(uow, case.id, End(CloseReason.PAID, why, occurred_at, fact.amount_paid_minor, fact.object_version))


def take_loss(uow: UnitOfWork, fact: InvoiceFact, reason: CloseReason, occurred_at: datetime) -> None:
    """The invoice was voided or written off: its open case is lost. A fact older than what is known changes nothing."""
    case = store.lock_case_of(uow.conn, fact.account, fact.object_id)
    if case is None or case.status is not CaseStatus.OPEN or fact.object_version < case.invoice_version:
        return
    what = "voided" if reason is CloseReason.VOIDED else "marked uncollectible"
    close(uow, case.id, End(reason, f"the invoice was {what}", occurred_at, invoice_version=fact.object_version))


def close(uow: UnitOfWork, case_id: str, end: End) -> None:
    """End an open case whose row is locked. At most the amount at risk is recovered: more was paid before the failure."""
    recovered = end.reason.status is CaseStatus.RECOVERED
    store.close_case(
        uow.conn, case_id,
        {
            "status": end.reason.status, "reason": end.reason, "at": end.at, "invoice_version": end.invoice_version,
            "recovered_minor": end.amount_paid_minor if recovered else 0,
        },
    )  # fmt: skip
    store.add_entry(uow.conn, uow.workspace_id, case_id, Entry(end.at, EntryKind.CLOSED, end.why, details={"reason": end.reason}))
    case = _the_case(uow, case_id)
    closed = CaseClosed(
        **_about(case), status=_closed_status(case), reason=end.reason.value, recovered_minor=case.recovered_minor
    )
    uow.emit(closed, end.at)
    uow.after_commit(lambda: _measure(case))


def erase(uow: UnitOfWork) -> None:
    """Forget all cases of a workspace that was erased. Machines that still wait find no case and end."""
    telemetry.log("recovery_erased", workspace_id=uow.workspace_id, cases=store.erase(uow.conn))


def _add_failure(uow: UnitOfWork, case: Case, fact: InvoicePaymentFailed, occurred_at: datetime) -> None:
    """Tell the failure once; an earlier one than the case knew dates it back."""
    again = f", the provider tries again at {fact.next_attempt_at:%Y-%m-%d %H:%M} UTC" if fact.next_attempt_at else ""
    entry = Entry(
        occurred_at, EntryKind.FAILURE, f"payment attempt {fact.attempt_count} failed{again}",
        details={"attempt_count": fact.attempt_count, "amount_remaining_minor": fact.amount_remaining_minor},
    )  # fmt: skip
    if not store.add_entry(uow.conn, uow.workspace_id, case.id, entry, fact.provider_event_id):
        return
    store.count_failure(uow.conn, case.id, fact.object_version)
    if occurred_at < case.opened_at:
        store.date_back(uow.conn, case.id, occurred_at, fact.amount_remaining_minor)
        uow.emit(CaseDatedBack(**_about(_the_case(uow, case.id)), opened_at=occurred_at))


def _follow_mirror(uow: UnitOfWork, case: Case, fact: InvoicePaymentFailed) -> None:
    """Bring a case in line with the invoice as the mirror shows it now."""
    invoice = mirror.invoice(uow.conn, fact.account, fact.object_id)
    if invoice is None:
        return
    if case.status is CaseStatus.OPEN and invoice.status in FINAL:
        close_as_shown(uow, case, invoice)
    elif case.status is CaseStatus.RECOVERED and invoice.status == "open" and fact.object_version == case.invoice_version:
        _reopen(uow, case, "the invoice had been paid and is open again", uow.now)
        store.name_next_execution(uow.conn, case.id)


def close_as_shown(uow: UnitOfWork, case: Case, invoice: mirror.Invoice) -> None:
    """Close an open case because the mirror shows its invoice as final. It never ends before it began."""
    reason = FINAL[invoice.status]
    at = max(uow.now, case.opened_at)
    close(uow, case.id, End(reason, f"the invoice is {invoice.status}", at, invoice.amount_paid_minor, invoice.version))


def _reopen(uow: UnitOfWork, case: Case, why: str, at: datetime) -> None:
    store.reopen_case(uow.conn, case.id, at)
    store.add_entry(uow.conn, uow.workspace_id, case.id, Entry(at, EntryKind.REOPENED, why, details={"was": case.status}))
    reopened = _the_case(uow, case.id)
    uow.emit(CaseReopened(**_about(reopened), was=_closed_status(case)), at)


def _measure(case: Case) -> None:
    """`recovery_rate` is 1 or 0 for each case that closes, so that its average over any time is the rate over that time."""
    recovered = case.status is CaseStatus.RECOVERED
    amount = case.recovered_minor if recovered else case.amount_at_risk_minor
    telemetry.metric("recovery_cases_total", 1, "Count", status=case.status.value)
    telemetry.metric("recovery_rate", int(recovered), "None", workflow_id=DEFAULT.name, cohort="all")
    telemetry.metric(f"amount_{case.status.value}_minor", amount, "None", currency=case.currency)


def _measure_opened(case: Case) -> None:
    telemetry.metric("recovery_cases_total", 1, "Count", status="opened")
    telemetry.metric("amount_at_risk_minor", case.amount_at_risk_minor, "None", currency=case.currency)


def _about(case: Case) -> dict[str, object]:
    return {
        "case_id": case.id, "account": case.account, "invoice_id": case.invoice_id, "customer_id": case.customer_id,
        "object_version": case.version, "amount_at_risk_minor": case.amount_at_risk_minor, "currency": case.currency,
    }  # fmt: skip


def _closed_status(case: Case) -> Literal["recovered", "lost"]:
    return cast(Literal["recovered", "lost"], case.status.value)


def _locked_case_of(uow: UnitOfWork, fact: InvoiceFact) -> Case:
    case = store.lock_case_of(uow.conn, fact.account, fact.object_id)
    assert case is not None, "a case that was just written"
    return case


def _the_case(uow: UnitOfWork, case_id: str) -> Case:
    case = store.lock_case(uow.conn, case_id)
    assert case is not None, "a case that is locked"
    return case
