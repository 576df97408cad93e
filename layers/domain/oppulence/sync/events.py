"""Canonical events: what became true of money and customers, in no provider's shape. Other contexts live on these."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event
from oppulence.kernel.money import AmountMinor, Currency

ObjectId = Annotated[str, Field(description="The provider's id of the object the fact is about.")]


class ObjectFact(Event):
    """What all canonical events carry. Each is told once per object and kind, but in no particular order."""

    object_id: ObjectId
    account: Annotated[str | None, Field(description="Connected account the object belongs to; null for the connection's own.")]
    object_version: Annotated[
        int, Field(description="Rises with each change of the mirrored object; read models drop a lower one.")
    ]
    provider_event_id: Annotated[str, Field(description="The provider's event that showed the fact first.")]


class Fact(ObjectFact):
    """A fact about money."""

    currency: Currency


class CustomerFact(ObjectFact):
    """A fact about a provider's customer. It carries ids only, no personal data."""

    key: Annotated[
        str | None,
        Field(max_length=255, description="The workspace's own id of the customer, which the provider's metadata carry."),
    ]


class CustomerCreated(CustomerFact, type="sync.customer.created", version=1):
    """The mirror knows a customer. Told with the first state that was seen of it, unless that is its removal."""


class CustomerUpdated(CustomerFact, type="sync.customer.updated", version=1):
    """The mirror has a later state of a customer. Told once per `object_version`; a state overtaken on the way is not."""


class CustomerDeleted(CustomerFact, type="sync.customer.deleted", version=1):
    """The provider has removed a customer, and will not bring it back."""


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


class InvoicePaymentFailed(InvoiceFact, type="sync.invoice.payment_failed", version=1):
    """An attempt to collect an invoice failed. Told once per attempt."""

    attempt_count: Annotated[int, Field(description="1 for the first attempt.")]
    next_attempt_at: Annotated[datetime | None, Field(description="When the provider tries again by itself, if it does.")]


class PaymentFact(Fact):
    """A fact about a payment (a payment intent, or a charge that has none)."""

    amount_minor: AmountMinor
    customer_id: str | None
    invoice_id: Annotated[str | None, Field(description="Invoice it pays; null for a sale without one.")]


class PaymentSucceeded(PaymentFact, type="sync.payment.succeeded", version=1):
    """Money was captured; `amount_minor` is what was received."""


class PaymentFailed(PaymentFact, type="sync.payment.failed", version=1):
    """A payment was declined. Told once per declined charge."""

    failure_code: str | None
    decline_code: str | None


class RefundFact(Fact):
    """A fact about a refund."""

    amount_minor: AmountMinor
    payment_id: str | None


class RefundCreated(RefundFact, type="sync.refund.created", version=1):
    """Money left the balance for a refund."""


class RefundSucceeded(RefundFact, type="sync.refund.succeeded", version=1):
    """A refund reached the customer's bank."""


class RefundFailed(RefundFact, type="sync.refund.failed", version=1):
    """A refund failed or was cancelled: its money came back to the balance."""


class DisputeFact(Fact):
    """A fact about a dispute."""

    amount_minor: AmountMinor
    payment_id: str | None
    reason: str | None


class DisputeCreated(DisputeFact, type="sync.dispute.created", version=1):
    """A customer's bank questioned a payment."""


class DisputeFundsWithdrawn(DisputeFact, type="sync.dispute.funds_withdrawn", version=1):
    """The disputed amount left the balance; `amount_minor` without the provider's fee."""


class DisputeFundsReinstated(DisputeFact, type="sync.dispute.funds_reinstated", version=1):
    """The disputed amount came back."""


class DisputeWon(DisputeFact, type="sync.dispute.won", version=1):
    """The bank decided for the workspace."""


class DisputeLost(DisputeFact, type="sync.dispute.lost", version=1):
    """The bank decided for the customer."""


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


class PayoutFact(Fact):
    """A fact about a payout to the workspace's bank."""

    amount_minor: AmountMinor
    arrival_at: datetime | None


class PayoutCreated(PayoutFact, type="sync.payout.created", version=1):
    """Money left the balance for the bank."""


class PayoutPaid(PayoutFact, type="sync.payout.paid", version=1):
    """The payout is expected at, or has reached, the bank."""


class PayoutFailed(PayoutFact, type="sync.payout.failed", version=1):
    """The bank did not take a payout, or it was cancelled: its money came back to the balance."""


class EventsStored(Event, type="sync.event.stored", version=1):
    """Raw events were stored; analytics reads them by id. Told once per stored batch."""

    event_ids: Annotated[list[str], Field(max_length=100, description="Provider event ids.")]
    account: str | None
