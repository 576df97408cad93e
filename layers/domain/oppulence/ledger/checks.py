"""What must hold of the books whatever happens. The database refuses to break it; this looks whether it did."""

from dataclasses import dataclass

from oppulence.kernel import telemetry
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.ledger import balance_sheet, store

TIMEOUT_MS = 240_000
NAMED_MOST = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """What one workspace's check found: entries (at most 20), and currencies whose debits and credits differ."""

    entries: list[store.BrokenEntry]
    currencies: list[str]

    def __len__(self) -> int:
        return len(self.entries) + len(self.currencies)


def check_all(scope: Scope) -> dict[str, int]:
    """Check every workspace under its own policy; logs each breach as an error and counts them in a metric.

    Returns how many workspaces were checked and how many breaches were found.
    """
    workspaces = in_transaction(scope, lambda uow: store.workspace_ids(uow.conn))
    breaches = 0
    for workspace_id in workspaces:
        found = in_transaction(Scope(scope.context, workspace_id, timeout_ms=TIMEOUT_MS), check)
        breaches += len(found)
        if found:
            _report(workspace_id, found)
    telemetry.metric("ledger_breaches_total", breaches, "Count")
    return {"workspaces": len(workspaces), "breaches": breaches}


def check(uow: UnitOfWork) -> Findings:
    """Debits = credits per currency, and per entry and currency, and every entry has the postings it promised."""
    sheet = balance_sheet.balances(uow)
    return Findings(
        store.broken_entries(uow.conn, NAMED_MOST),
        [total.currency for total in sheet.totals if total.debit_minor != total.credit_minor],
    )


def _report(workspace_id: str, found: Findings) -> None:
    telemetry.logger().error(
        "ledger_broken",
        extra={
            "workspace_id": workspace_id, "currencies": found.currencies,
            "entries": [f"{broken.entry_id} {broken.problem}" for broken in found.entries],
        },
    )  # fmt: skip
