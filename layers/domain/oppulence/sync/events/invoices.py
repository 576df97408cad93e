"""Facts about invoices, and the credit notes that lower them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.money import AmountMinor
from oppulence.sync.events.base import Fact


class InvoiceFact(Fact):
    """A fact about an invoice."""

    customer_id: str | None
    subscription_id: str | None
    total_minor: Annotated[int, Field(description="Minor units of `currency`, tax included, before credit notes.")]
    tax_minor: Annotated[int, Field(description="Minor units; part of `total_minor`.")]
    amount_remaining_minor: Annotated[int, Field(description="Minor units still to be paid when the fact became true.")]
    credit_applied_minor: Annotated[
        int,
        Field(
            description="Part of `total_minor` that the customer's credit balance settled when the invoice was finalized; "
            "negative when the invoice gave credit, or took on what the customer owed."
        ),
    ] = 0


class InvoiceFinalized(InvoiceFact, type="sync.invoice.finalized", version=1):
    """An invoice became payable."""


class InvoicePaid(InvoiceFact, type="sync.invoice.paid", version=1):
    """An invoice was paid in full."""

    amount_paid_minor: AmountMinor
    paid_off_provider_minor: Annotated[
        int, Field(description="Part that did not go through the provider, such as a bank transfer.")
    ]
    was_uncollectible: Annotated[bool, Field(description="It had been marked uncollectible before.")]


class InvoiceVoided(InvoiceFact, type="sync.invoice.voided", version=1):
    """A finalized invoice was cancelled: nothing is owed any more."""

    was_uncollectible: Annotated[bool, Field(description="It had been marked uncollectible before.")] = False


class InvoiceMarkedUncollectible(InvoiceFact, type="sync.invoice.marked_uncollectible", version=1):
    """An invoice was written off; it may still be paid later."""


class InvoiceOverdue(InvoiceFact, type="sync.invoice.overdue", version=1):
    """An invoice is past its due date and still open. Told once per invoice."""

    due_at: datetime


class InvoicePaymentFailed(InvoiceFact, type="sync.invoice.payment_failed", version=1):
    """An attempt to collect an invoice failed. Told once per attempt."""

    attempt_count: Annotated[int, Field(description="1 for the first attempt.")]
    next_attempt_at: Annotated[datetime | None, Field(description="When the provider tries again by itself, if it does.")]


class CreditNoteFact(Fact):
    """A fact about a credit note."""

    invoice_id: str
    total_minor: AmountMinor
    tax_minor: Annotated[int, Field(description="Minor units; part of `total_minor`.")]
    pre_payment_minor: Annotated[int, Field(description="Part that lowered what was still owed.")]
    post_payment_minor: Annotated[int, Field(description="Part given back after payment, by refund or credit.")]
    credited_minor: Annotated[int, Field(description="Part of `post_payment_minor` added to the customer's credit balance.")] = 0
    off_provider_minor: Annotated[
        int, Field(description="Part of `post_payment_minor` paid back past the provider, such as by bank transfer.")
    ] = 0


class CreditNoteIssued(CreditNoteFact, type="sync.credit_note.issued", version=1):
    """An invoice was lowered."""


class CreditNoteVoided(CreditNoteFact, type="sync.credit_note.voided", version=1):
    """A credit note was taken back."""
