"""Facts about money that moves: payments, refunds, disputes, payouts."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.money import AmountMinor
from oppulence.sync.events.base import Fact


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


class DisputeFundsFact(DisputeFact):
    """Money of a dispute moved. `amount_minor` and `currency` are the balance's, which may differ from the payment's."""

    occurrence: Annotated[
        int, Field(ge=1, description="1 for the first of its kind of the dispute; a bank may take money twice.")
    ] = 1


class DisputeFundsWithdrawn(DisputeFundsFact, type="sync.dispute.funds_withdrawn", version=1):
    """The disputed amount left the balance; `amount_minor` without the provider's fee."""


class DisputeFundsReinstated(DisputeFundsFact, type="sync.dispute.funds_reinstated", version=1):
    """The disputed amount came back."""


class DisputeWon(DisputeFact, type="sync.dispute.won", version=1):
    """The bank decided for the workspace."""


class DisputeLost(DisputeFact, type="sync.dispute.lost", version=1):
    """The bank decided for the customer."""


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
