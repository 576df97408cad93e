"""What became true: facts read from one event, whether or not it shows the object's latest state.

An event that comes late still tells what happened, so facts are read from every event and told once by name. Amounts come
from the state that shows the fact itself: what an invoice had left when it was written off is not what it has left later.
Facts about an object's state are the exception: `state_of` reads them from the event that won, and an event that was overtaken
tells none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oppulence.sync import events
from oppulence.sync.stripe_events import StripeEvent

Shown = dict[str, Any]
_STATE = "state:"
_KEY_MAX = 255


@dataclass(frozen=True)
class Told:
    """A fact: its name within the object, when it became true, and the event, complete but for the object's version."""

    name: str
    at: datetime
    event: type[events.ObjectFact]
    fields: dict[str, Any]

    def announce(self, source: StripeEvent, version: int) -> events.ObjectFact:
        """The canonical event."""
        common = {
            "object_id": source.object_id, "account": source.account or None, "object_version": version,
            "provider_event_id": source.id,
        }  # fmt: skip
        if issubclass(self.event, events.Fact):
            common["currency"] = str(source.object["currency"]).upper()
        return self.event.model_validate(common | self.fields)


def facts_of(event: StripeEvent) -> list[Told]:
    """The facts about money that an event shows."""
    read = _READERS.get(event.object_type)
    return list(read(event)) if read and event.has_object and event.object.get("currency") else []


def state_of(event: StripeEvent, told: Sequence[str]) -> Told | None:
    """The fact that an object has this state now; None for objects whose state nobody waits for, and for a state told before.

    Its name is the moment of the state, and takes the place of the one before (`add_name`): a replay, which passes through
    earlier states again, tells none of them.
    """
    if event.object_type != "customer":
        return None
    before = next((one for one in told if one.startswith(_STATE)), None)
    name = f"{_STATE}{event.created:012d}:{event.id}"
    if before and (name == before or name.split(":")[1] < before.split(":")[1]):
        return None
    kind = events.CustomerDeleted if event.removes else events.CustomerUpdated if before else events.CustomerCreated
    return Told(name, event.created_at, kind, {"key": _customer_key(event.object)})


def add_name(told: list[str], name: str) -> None:
    """Note that a fact was told. Of states only the last one's name is kept, so the list stays short."""
    if name.startswith(_STATE):
        told[:] = [one for one in told if not one.startswith(_STATE)]
    told.append(name)


def _customer_key(shown: Shown) -> str | None:
    """The workspace's key, if the metadata carry one. An e-mail address is personal and no key: it does not travel."""
    metadata = shown.get("metadata") or {}
    key = metadata.get("customer_key") or metadata.get("key")
    return key if isinstance(key, str) and 1 <= len(key) <= _KEY_MAX and "@" not in key else None


def _invoice(event: StripeEvent) -> Iterator[Told]:
    shown, moments = event.object, event.object.get("status_transitions") or {}
    status = shown.get("status")
    base = _invoice_fields(shown)
    if moments.get("finalized_at"):
        yield Told("finalized", _at(moments["finalized_at"]), events.InvoiceFinalized, base)
    written_off = bool(moments.get("marked_uncollectible_at"))
    if status == "uncollectible" or written_off:
        at = _at(moments.get("marked_uncollectible_at") or event.created)
        left = {"amount_remaining_minor": shown["amount_remaining"] or shown["amount_paid"]}
        yield Told("marked_uncollectible", at, events.InvoiceMarkedUncollectible, base | left)
    if status == "paid":
        paid = base | {
            "amount_paid_minor": shown["amount_paid"],
            "paid_off_provider_minor": _paid_elsewhere(shown),
            "was_uncollectible": written_off,
        }
        yield Told("paid", _at(moments.get("paid_at") or event.created), events.InvoicePaid, paid)
    if status == "void":
        at = _at(moments.get("voided_at") or event.created)
        yield Told("voided", at, events.InvoiceVoided, base | {"was_uncollectible": written_off})
    if event.type == "invoice.payment_failed":
        attempt = int(shown.get("attempt_count") or 0)
        following = shown.get("next_payment_attempt")
        failed = base | {"attempt_count": attempt, "next_attempt_at": _at(following) if following else None}
        yield Told(f"payment_failed:{attempt}", event.created_at, events.InvoicePaymentFailed, failed)


def _invoice_fields(shown: Shown) -> dict[str, Any]:
    parent = (shown.get("parent") or {}).get("subscription_details") or {}
    taxes = shown.get("total_taxes")
    return {
        "customer_id": _id(shown.get("customer")),
        "subscription_id": _id(shown.get("subscription") or parent.get("subscription")),
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
    invoice_id = _id(shown.get("invoice")) or (reference if reference.startswith("in_") else None)
    base = {"customer_id": _id(shown.get("customer")), "invoice_id": invoice_id}
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
    base = {"customer_id": _id(shown.get("customer")), "invoice_id": _id(shown.get("invoice"))}
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
    base = {"amount_minor": shown["amount"], "payment_id": _id(shown.get("payment_intent") or shown.get("charge"))}
    yield Told("created", _at(shown["created"]), events.RefundCreated, base)
    if shown.get("status") == "succeeded":
        yield Told("succeeded", event.created_at, events.RefundSucceeded, base)
    if shown.get("status") in ("failed", "canceled"):
        yield Told("failed", event.created_at, events.RefundFailed, base)


def _dispute(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    reference = {"payment_id": _id(shown.get("payment_intent") or shown.get("charge")), "reason": shown.get("reason")}
    whole = reference | {"amount_minor": shown["amount"]}
    yield Told("created", _at(shown["created"]), events.DisputeCreated, whole)
    for moved in shown.get("balance_transactions") or []:
        kind, name = (
            (events.DisputeFundsWithdrawn, "funds_withdrawn")
            if moved["amount"] < 0
            else (events.DisputeFundsReinstated, "funds_reinstated")
        )
        yield Told(name, _at(moved["created"]), kind, reference | {"amount_minor": abs(moved["amount"])})
    if shown.get("status") == "won":
        yield Told("won", event.created_at, events.DisputeWon, whole)
    if shown.get("status") == "lost":
        yield Told("lost", event.created_at, events.DisputeLost, whole)


def _credit_note(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    taxes = shown.get("total_taxes") if shown.get("total_taxes") is not None else shown.get("tax_amounts")
    elsewhere = int(shown.get("out_of_band_amount") or 0)
    given_back = int(shown.get("post_payment_amount") or 0)
    refunded = sum(int(one.get("amount_refunded") or 0) for one in shown.get("refunds") or [])
    base = {
        "invoice_id": _id(shown["invoice"]), "total_minor": shown["total"],
        "tax_minor": sum(tax["amount"] for tax in taxes or []), "pre_payment_minor": int(shown.get("pre_payment_amount") or 0),
        "post_payment_minor": given_back, "off_provider_minor": elsewhere,
        "credited_minor": max(0, given_back - refunded - elsewhere),
    }  # fmt: skip
    yield Told("issued", _at(shown.get("effective_at") or shown["created"]), events.CreditNoteIssued, base)
    if shown.get("status") == "void":
        yield Told("voided", _at(shown.get("voided_at") or event.created), events.CreditNoteVoided, base)


def _payout(event: StripeEvent) -> Iterator[Told]:
    shown = event.object
    arrival = shown.get("arrival_date")
    base = {"amount_minor": shown["amount"], "arrival_at": _at(arrival) if arrival else None}
    yield Told("created", _at(shown["created"]), events.PayoutCreated, base)
    if shown.get("status") == "paid":
        yield Told("paid", event.created_at, events.PayoutPaid, base)
    if shown.get("status") in ("failed", "canceled"):
        yield Told("failed", event.created_at, events.PayoutFailed, base)


def _id(reference: Any) -> str | None:  # noqa: ANN401
    """An id, whether or not the reference was expanded."""
    return reference.get("id") if isinstance(reference, dict) else reference


def _at(seconds: int | float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_READERS: dict[str, Callable[[StripeEvent], Iterator[Told]]] = {
    "invoice": _invoice,
    "payment_intent": _payment_intent,
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "credit_note": _credit_note,
    "payout": _payout,
}
