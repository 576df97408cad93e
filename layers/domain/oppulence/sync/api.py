"""What higher contexts may ask the mirror."""

from datetime import datetime
from typing import Literal

from psycopg.rows import class_row
from pydantic.dataclasses import dataclass

from oppulence.kernel.db import Connection
from oppulence.sync.showing import (
    KnownDiscount,
    Ref,
    SubscriptionState,
    SubscriptionTerms,
    customers_of_discounts,
    known_discounts,
    payment_invoices_of,
    refs_after,
    refs_of_events,
    subscription_states,
    transactions_of,
)
from oppulence.sync.transactions import KINDS, LINKS, PaymentInvoice, Transaction

__all__ = [
    "KINDS", "LINKS", "Invoice", "KnownDiscount", "PaymentInvoice", "Ref", "SubscriptionState", "SubscriptionTerms",
    "Transaction", "customers_of_discounts", "invoice", "known_discounts", "payment_invoices_of", "refs_after",
    "refs_of_events", "subscription_states", "transactions_of",
]  # fmt: skip


@dataclass(frozen=True)
class Invoice:
    """An invoice as the provider last showed it; amounts in minor units of `currency`."""

    id: str
    account: str | None
    status: Literal["draft", "open", "paid", "void", "uncollectible"]
    number: str | None
    customer_id: str | None
    customer_email: str | None
    customer_name: str | None
    amount_remaining_minor: int
    amount_paid_minor: int
    total_minor: int
    currency: str
    hosted_invoice_url: str | None
    attempt_count: int
    next_attempt_at: datetime | None
    due_at: datetime | None
    version: int


def invoice(conn: Connection, account: str | None, invoice_id: str) -> Invoice | None:
    """The invoice's present state, or None when the mirror has none or it was deleted."""
    with conn.cursor(row_factory=class_row(Invoice)) as cur:
        return cur.execute(
            """
            SELECT id, nullif(account, '') AS account, status, number, customer_id, customer_email, customer_name,
                   amount_remaining_minor, amount_paid_minor, total_minor, currency, hosted_invoice_url, attempt_count,
                   next_attempt_at, due_at, version
              FROM sync_api.invoices
             WHERE account = %(account)s AND id = %(invoice_id)s AND NOT deleted
            """,
            {"account": account or "", "invoice_id": invoice_id},
        ).fetchone()
