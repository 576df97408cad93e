"""Rows of the analytical tables, written in few large inserts. Writing a row again is harmless: of equal keys one stays."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from oppulence.analytics.mrr import Movement
from oppulence.analytics.store import Customer
from oppulence.kernel import olap
from oppulence.sync.api import PaymentInvoice, Transaction

TABLES = ("transactions_fact", "payment_invoices", "mrr_movements", "recovery_events")
"""Tables that only this context writes; `events` is shared with the sync engine, which also erases it."""

_NEVER = datetime.fromtimestamp(0, UTC)
_TRANSACTION = tuple(field.name for field in fields(Transaction))
_PAYMENT_INVOICE = tuple(field.name for field in fields(PaymentInvoice))
_MOVEMENT = ("account", "customer_id", "currency", "occurred_at", "kind", "delta_minor", "mrr_minor", "generation")


@dataclass(frozen=True, slots=True)
class RecoveryEvent:
    """A row of `recovery_events`, as its columns are named there."""

    case_id: str
    slot: str
    event_type: str
    event_timestamp: datetime
    opened_at: datetime
    workflow_id: str
    cohort: str
    account: str
    invoice_id: str
    customer_id: str
    currency: str
    original_amount_minor: int
    recovered_amount_minor: int
    reason: str
    step: str
    version: int


@dataclass(frozen=True, slots=True)
class PlatformEvent:
    """Something that happened in the platform itself, as a row of `events`; `data` is JSON."""

    event_id: str
    account: str
    event_type: str
    entity_type: str
    entity_id: str
    data: str
    event_timestamp: datetime
    event_source: str = "oppulence"
    version: int = 1


def write_transactions(workspace_id: str, rows: Sequence[Transaction]) -> int:
    """Write transactions; returns how many."""
    return _write("transactions_fact", _TRANSACTION, workspace_id, map(astuple, rows))


def write_payment_invoices(workspace_id: str, rows: Sequence[PaymentInvoice]) -> int:
    """Write which payments pay which invoices; returns how many."""
    return _write("payment_invoices", _PAYMENT_INVOICE, workspace_id, map(astuple, rows))


def write_recovery(workspace_id: str, rows: Sequence[RecoveryEvent]) -> int:
    """Write what happened in recovery cases; returns how many rows."""
    return _write("recovery_events", tuple(field.name for field in fields(RecoveryEvent)), workspace_id, map(astuple, rows))


def write_platform_events(workspace_id: str, rows: Sequence[PlatformEvent]) -> int:
    """Write entries of the audit log and the ledger; returns how many."""
    return _write("events", tuple(field.name for field in fields(PlatformEvent)), workspace_id, map(astuple, rows))


def write_movements(workspace_id: str, reckoned: dict[Customer, list[Movement]], generation: int) -> int:
    """Write the movements of customers, which replace all earlier ones of theirs; returns how many."""
    rows: list[tuple[Any, ...]] = []
    for customer, moved in reckoned.items():
        rows += [(*customer, one.currency, one.at, one.kind, one.delta_minor, one.mrr_minor, generation) for one in moved]
        if not moved:
            rows.append((*customer, "", _NEVER, "none", 0, 0, generation))
    _write("mrr_movements", _MOVEMENT, workspace_id, rows)
    return sum(map(len, reckoned.values()))


def erase(workspace_id: str) -> None:
    """Delete a workspace's rows of this context's tables."""
    for table in TABLES:
        olap.command(f"ALTER TABLE {table} DELETE WHERE workspace_id = {{ws:String}}", {"ws": workspace_id})


def _write(table: str, columns: Sequence[str], workspace_id: str, rows: Iterable[Sequence[Any]]) -> int:
    """Raises:
    Unavailable: the analytical store is down; nothing is lost, the caller's records come again.
    """
    whole = [(workspace_id, *row) for row in rows]
    if whole:
        olap.insert(table, ("workspace_id", *columns), whole)
    return len(whole)
