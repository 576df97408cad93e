"""Recovery cases as rows: when each began, the mails sent for it, and how it ended."""

from collections.abc import Sequence
from datetime import datetime

from oppulence.analytics import tables, workspaces
from oppulence.analytics.tables import RecoveryEvent
from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.recovery import api as recovery
from oppulence.recovery.api import ShownCase

ENDS = {"recovered": "recovered", "lost": "failed", "open": "none"}
"""How a case ended, in the words of the table."""


def copy(workspace_id: str, case_ids: Sequence[str]) -> int:
    """Copy these cases as they stand now; returns how many rows were written.

    Raises:
        Unavailable: a store is down; the facts come again.
    """
    if not olap.is_configured():
        return 0
    cases = in_transaction(Scope("analytics", workspace_id), lambda uow: _read(uow, case_ids))
    return tables.write_recovery(workspace_id, [row for case in cases for row in rows_of(case)])


def rows_of(case: ShownCase) -> list[RecoveryEvent]:
    """A case's rows. It has an end also while it is open, which no view shows: so a case that reopens takes its end back."""
    end = _row(case, "end", ENDS[case.status], case.closed_at or case.opened_at)
    mails = [_row(case, f"email_sent:{step}", "email_sent", at, step) for step, at in case.mails]
    return [_row(case, "started", "started", case.opened_at), *mails, end]


def _read(uow: UnitOfWork, case_ids: Sequence[str]) -> list[ShownCase]:
    return recovery.cases(uow.conn, case_ids) if workspaces.is_there(uow) else []


def _row(case: ShownCase, slot: str, event_type: str, at: datetime, step: str = "") -> RecoveryEvent:
    is_end = slot == "end"
    return RecoveryEvent(
        case_id=case.id, slot=slot, event_type=event_type, event_timestamp=at, opened_at=case.opened_at,
        workflow_id=case.workflow, cohort=case.cohort, account=case.account or "", invoice_id=case.invoice_id,
        customer_id=case.customer_id or "", currency=case.currency, original_amount_minor=case.amount_at_risk_minor,
        recovered_amount_minor=case.recovered_minor if is_end else 0, reason=(case.close_reason or "") if is_end else "",
        step=step, version=case.version,
    )  # fmt: skip
