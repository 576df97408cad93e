"""Facts to tell the ledger, and its books as tests read them."""

from collections import defaultdict
from typing import Any, TypeVar

from oppulence.sync import events
from tests.support.world import World

F = TypeVar("F", bound=events.Fact)

_TOLD: list[tuple[type[events.Fact], str]] = [
    (events.InvoiceFinalized, "invoice_finalized"),
    (events.InvoicePaid, "invoice_paid"),
    (events.InvoiceVoided, "invoice_voided"),
    (events.InvoiceMarkedUncollectible, "invoice_marked_uncollectible"),
    (events.PaymentSucceeded, "payment_succeeded"),
    (events.RefundCreated, "refund_created"),
    (events.RefundFailed, "refund_failed"),
    (events.DisputeFundsWithdrawn, "dispute_funds_withdrawn"),
    (events.DisputeFundsReinstated, "dispute_funds_reinstated"),
    (events.CreditNoteIssued, "credit_note_issued"),
    (events.CreditNoteVoided, "credit_note_voided"),
    (events.PayoutCreated, "payout_created"),
    (events.PayoutFailed, "payout_failed"),
    (events.BalanceTransactionRecorded, "balance_transaction_recorded"),
]
CONSUMERS = {kind: f"ledger.consumers.on_{name}" for kind, name in _TOLD}

_USUAL: dict[str, Any] = {
    "object_id": "in_1", "account": None, "object_version": 1, "provider_event_id": "evt_1", "currency": "USD",
    "customer_id": "cus_1", "subscription_id": None, "invoice_id": None, "payment_id": "pi_1", "reason": None, "arrival_at": None,
    "total_minor": 10_700, "tax_minor": 700, "amount_remaining_minor": 10_700, "amount_paid_minor": 10_700,
    "paid_off_provider_minor": 0, "was_uncollectible": False, "amount_minor": 10_700, "pre_payment_minor": 0,
    "post_payment_minor": 0, "transaction_type": "charge", "reporting_category": "charge", "fee_minor": 344, "net_minor": 10_356,
    "source_id": "ch_1", "available_at": None, "exchange_rate": None, "source_currency": None, "source_amount_minor": None,
}  # fmt: skip


def fact(kind: type[F], **fields: Any) -> F:
    """A fact of an invoice of 107.00 USD, 7.00 of it tax, unless told otherwise."""
    return kind.model_validate(_USUAL | fields)


def tell(world: World, *told: events.Fact, workspace_id: str | None = None) -> list[events.Fact]:
    """Deliver facts one by one; returns those that went back to their queue."""
    return [one for one in told if world.deliver(CONSUMERS[type(one)], one, workspace_id=workspace_id)]


def tell_until_posted(world: World, *told: events.Fact, workspace_id: str | None = None) -> None:
    """Deliver facts, and again those that went back, as the queue would."""
    waiting = list(told)
    for _ in range(5):
        waiting = tell(world, *waiting, workspace_id=workspace_id)
    assert not waiting, waiting


def journal(world: World, workspace_id: str | None = None) -> dict[str, dict[str, int]]:
    """Changes by account of each entry, debits positive, by the kind of the entry."""
    rows = world.admin.execute(
        "SELECT e.kind, p.account, CASE p.direction WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END"
        " FROM ledger.journal_entries e JOIN ledger.postings p ON p.workspace_id = e.workspace_id AND p.entry_id = e.id"
        " WHERE e.workspace_id = %s",
        (workspace_id or world.workspace_id,),
    ).fetchall()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, account, change in rows:
        assert account not in found[kind], f"{kind} was posted twice"
        found[kind][account] = change
    return dict(found)


def balances(world: World, workspace_id: str | None = None) -> dict[str, dict[str, int]]:
    """Balances that are not zero, by account and currency, debits positive."""
    rows = world.admin.execute(
        "SELECT account, currency, sum(CASE direction WHEN 'debit' THEN amount_minor ELSE -amount_minor END)"
        " FROM ledger.postings WHERE workspace_id = %s GROUP BY account, currency",
        (workspace_id or world.workspace_id,),
    ).fetchall()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for account, currency, balance in rows:
        if balance:
            found[account][currency] = int(balance)
    return dict(found)
