"""What money says: invoices, payments, refunds, disputes, credit notes, payouts, and the balance they all go through."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from oppulence.sync import events
from oppulence.sync.stripe_events import StripeEvent
from oppulence.sync.told import Shown, Told, at, at_or_none, id_of

CUSTOMERS_MONEY = frozenset(
    ["charge", "payment", "refund", "payment_refund", "refund_failure", "payment_failure_refund", "payment_reversal"]
)
"""Types of balance transactions whose sources, charges and refunds, are in the customer's currency; the provider converts it."""


def _invoice(event: StripeEvent) -> Iterator[Told]:
    shown, moments = event.object, event.object.get("status_transitions") or {}
    status = shown.get("status")
    base = _invoice_fields(shown)
    if moments.get("finalized_at"):
        yield Told("finalized", at(moments["finalized_at"]), events.InvoiceFinalized, base)
    written_off = bool(moments.get("marked_uncollectible_at"))
    if status == "uncollectible" or written_off:
        marked = at(moments.get("marked_uncollectible_at") or event.created)
        left = {"amount_remaining_minor": shown["amount_remaining"] or shown["amount_paid"]}
        yield Told("marked_uncollectible", marked, events.InvoiceMarkedUncollectible, base | left)
    if status == "paid":
        paid = base | {
            "amount_paid_minor": shown["amount_paid"],
            "paid_off_provider_minor": _paid_elsewhere(shown),
            "was_uncollectible": written_off,
        }
        yield Told("paid", at(moments.get("paid_at") or event.created), events.InvoicePaid, paid)
    if status == "void":
        voided = at(moments.get("voided_at") or event.created)
        yield Told("voided", voided, events.InvoiceVoided, base | {"was_uncollectible": written_off})
    if event.type == "invoice.overdue":
        yield overdue(event)
    if event.type == "invoice.payment_failed":
        attempt = int(shown.get("attempt_count") or 0)
        following = shown.get("next_payment_attempt")
        failed = base | {"attempt_count": attempt, "next_attempt_at": at(following) if following else None}
        yield Told(f"payment_failed:{attempt}", event.created_at, events.InvoicePaymentFailed, failed)


def overdue(event: StripeEvent) -> Told:
    """An open invoice is past its due date, by the provider's word or by the calendar."""
    due = at(event.object.get("due_date") or event.created)
    return Told("overdue", due, events.InvoiceOverdue, _invoice_fields(event.object) | {"due_at": due})


def _invoice_fields(shown: Shown) -> dict[str, Any]:
    parent = (shown.get("parent") or {}).get("subscription_details") or {}
    taxes = shown.get("total_taxes")
    return {
        "customer_id": id_of(shown.get("customer")),
        "subscription_id": id_of(shown.get("subscription") or parent.get("subscription")),
        "total_minor": shown["total"],
        "tax_minor": sum(tax["amount"] for tax in taxes) if taxes is not None else int(shown.get("tax") or 0),
        "amount_remaining_minor": shown["amount_remaining"],
        "credit_applied_minor": int(shown.get("ending_balance") or 0) - int(shown.get("starting_balance") or 0),
    }


def _paid_elsewhere(shown: Shown) -> int:
    """What was paid past Stripe; older API versions only say that the whole was."""
    if "amount_paid_off_stripe" in shown:
        return int(shown["amount_paid_off_stripe"] or 0)
    return int(shown["amount_paid"]) if shown.get("paid_out_of_band") else 0


def _payment_intent(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    reference = (shown.get("payment_details") or {}).get("order_reference") or ""
    invoice_id = id_of(shown.get("invoice")) or (reference if reference.startswith("in_") else None)
    base = {"customer_id": id_of(shown.get("customer")), "invoice_id": invoice_id}
    if shown.get("status") == "succeeded":
        yield Told("succeeded", event.created_at, events.PaymentSucceeded, base | {"amount_minor": shown["amount_received"]})
    if event.type == "payment_intent.payment_failed":
        error = shown.get("last_payment_error") or {}
        yield _declined(event, str(error.get("charge") or event.id), error, base | {"amount_minor": shown["amount"]})


def _charge(event: StripeEvent) -> Iterator[Told]:
    """Only charges that belong to no payment intent: the others are told as payments by theirs."""
    shown = event.object
    if shown.get("payment_intent"):
        return
    base = {"customer_id": id_of(shown.get("customer")), "invoice_id": id_of(shown.get("invoice"))}
    if shown.get("paid") and shown.get("captured"):
        amount = {"amount_minor": shown.get("amount_captured", shown["amount"])}
        yield Told("succeeded", event.created_at, events.PaymentSucceeded, base | amount)
    if shown.get("status") == "failed":
        error = {"code": shown.get("failure_code"), "decline_code": (shown.get("outcome") or {}).get("reason")}
        yield _declined(event, event.object_id, error, base | {"amount_minor": shown["amount"]})


def _declined(event: StripeEvent, charge_id: str, error: Shown, base: dict[str, Any]) -> Told:
    codes = {"failure_code": error.get("code"), "decline_code": error.get("decline_code")}
    return Told(f"failed:{charge_id}", event.created_at, events.PaymentFailed, base | codes)


def _refund(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    base = {"amount_minor": shown["amount"], "payment_id": id_of(shown.get("payment_intent") or shown.get("charge"))}
    yield Told("created", at(shown["created"]), events.RefundCreated, base)
    if shown.get("status") == "succeeded":
        yield Told("succeeded", event.created_at, events.RefundSucceeded, base)
    if shown.get("status") in ("failed", "canceled"):
        yield Told("failed", event.created_at, events.RefundFailed, base)


def _dispute(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    reference = {"payment_id": id_of(shown.get("payment_intent") or shown.get("charge")), "reason": shown.get("reason")}
    whole = reference | {"amount_minor": shown["amount"]}
    yield Told("created", at(shown["created"]), events.DisputeCreated, whole)
    yield from _dispute_funds(shown, reference)
    if shown.get("status") == "won":
        yield Told("won", event.created_at, events.DisputeWon, whole)
    if shown.get("status") == "lost":
        yield Told("lost", event.created_at, events.DisputeLost, whole)


def _dispute_funds(shown: Shown, reference: dict[str, Any]) -> Iterator[Told]:
    """Each time that money moved. The list only grows, so the first, the second of a kind is so in every event."""
    counts: dict[str, int] = {}
    for moved in sorted(shown.get("balance_transactions") or [], key=lambda one: (one["created"], one["id"])):
        withdrawn = moved["amount"] < 0
        name = "funds_withdrawn" if withdrawn else "funds_reinstated"
        nth = counts[name] = counts.get(name, 0) + 1
        fields = {"amount_minor": abs(moved["amount"]), "currency": moved["currency"].upper(), "occurrence": nth}
        kind = events.DisputeFundsWithdrawn if withdrawn else events.DisputeFundsReinstated
        yield Told(name if nth == 1 else f"{name}:{nth}", at(moved["created"]), kind, reference | fields)


def _credit_note(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    taxes = shown.get("total_taxes") if shown.get("total_taxes") is not None else shown.get("tax_amounts")
    elsewhere = int(shown.get("out_of_band_amount") or 0)
    given_back = int(shown.get("post_payment_amount") or 0)
    refunded = sum(int(one.get("amount_refunded") or 0) for one in shown.get("refunds") or [])
    base = {
        "invoice_id": id_of(shown["invoice"]), "total_minor": shown["total"],
        "tax_minor": sum(tax["amount"] for tax in taxes or []), "pre_payment_minor": int(shown.get("pre_payment_amount") or 0),
        "post_payment_minor": given_back, "off_provider_minor": elsewhere,
        "credited_minor": max(0, given_back - refunded - elsewhere),
    }  # fmt: skip
    yield Told("issued", at(shown.get("effective_at") or shown["created"]), events.CreditNoteIssued, base)
    if shown.get("status") == "void":
        yield Told("voided", at(shown.get("voided_at") or event.created), events.CreditNoteVoided, base)


def _payout(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    arrival = shown.get("arrival_date")
    base = {"amount_minor": shown["amount"], "arrival_at": at(arrival) if arrival else None}
    yield Told("created", at(shown["created"]), events.PayoutCreated, base)
    if shown.get("status") == "paid":
        yield Told("paid", event.created_at, events.PayoutPaid, base)
    if shown.get("status") in ("failed", "canceled"):
        yield Told("failed", event.created_at, events.PayoutFailed, base)


def _balance_transaction(event: StripeEvent) -> Iterator[Told]:
    """Told at once, unless it converted a customer's money and does not show from what: then `due_facts` looks up the source."""
    shown, source = event.object, event.object.get("source")
    waits = shown.get("exchange_rate") is not None and shown["type"] in CUSTOMERS_MONEY and isinstance(source, str)
    if not waits:
        yield recorded(event, source if isinstance(source, dict) else None)


def recorded(event: StripeEvent, source: Shown | None) -> Told:
    """A balance transaction, with what its source was before the conversion.

    What else moves money is told in the balance's currency.
    """
    shown = event.object
    base = {
        "transaction_type": shown["type"], "reporting_category": shown.get("reporting_category") or shown["type"],
        "amount_minor": shown["amount"], "fee_minor": shown["fee"], "net_minor": shown["net"],
        "source_id": id_of(shown.get("source")), "available_at": at_or_none(shown.get("available_on")),
        "exchange_rate": None if shown.get("exchange_rate") is None else f"{Decimal(str(shown['exchange_rate'])):f}",
        "source_currency": None, "source_amount_minor": None,
    }  # fmt: skip
    if source and base["exchange_rate"] and shown["type"] in CUSTOMERS_MONEY:
        amount = source.get("amount_captured") or source["amount"]
        base["source_currency"] = source["currency"].upper()
        base["source_amount_minor"] = amount if shown["amount"] > 0 else -amount
    return Told("recorded", at(shown["created"]), events.BalanceTransactionRecorded, base)


READERS: dict[str, Callable[[StripeEvent], Iterator[Told]]] = {
    "invoice": _invoice,
    "payment_intent": _payment_intent,
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "credit_note": _credit_note,
    "payout": _payout,
    "balance_transaction": _balance_transaction,
}
