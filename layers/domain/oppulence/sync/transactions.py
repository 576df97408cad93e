"""What moves money, read from the mirror's objects: payments, refunds, disputes, payouts and fees, each with its signed amount.

One transaction an object, whose state it has: the amount is what moved by now, so a refund that failed has moved nothing.
Positive is money for the workspace. A fee is what the provider kept of a balance transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Shown = dict[str, Any]

KINDS = {"charge": "payment", "refund": "refund", "dispute": "dispute", "payout": "payout", "balance_transaction": "fee"}
"""Object types that are transactions, and the kind of each."""

LINKS = ("payment_intent", "invoice_payment")
"""Object types that say which invoice a payment is for; in older versions the payment itself does."""

_RETURNED = ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class Transaction:
    """Amounts are minor units of `currency`: `amount_minor` signed, what has moved; `face_minor` what it is about.

    Texts that are not known are empty. `payment_id` is the payment intent's id, `charge_id` the payment's own, which refunds,
    disputes and fees name too. `decline_code` is the bank's reason, `failure_code` the provider's.
    """

    account: str
    transaction_id: str
    kind: str
    status: str
    occurred_at: datetime
    currency: str
    amount_minor: int
    face_minor: int
    charge_id: str = ""
    payment_id: str = ""
    invoice_id: str = ""
    customer_id: str = ""
    method: str = ""
    card_brand: str = ""
    card_country: str = ""
    decline_code: str = ""
    failure_code: str = ""
    reason: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class PaymentInvoice:
    """The invoice that a payment intent pays."""

    account: str
    payment_id: str
    invoice_id: str
    version: int


def transaction(account: str, object_type: str, shown: Shown, version: int) -> Transaction | None:
    """The transaction that an object is; None for what moves no money of the workspace's, such as a free balance movement."""
    if not shown.get("currency") or not isinstance(shown.get("created"), int):
        return None
    found = _READERS[object_type](shown)
    if found is None:
        return None
    fields: dict[str, Any] = {name: value if isinstance(value, int) else str(value or "") for name, value in found.items()}
    return Transaction(
        account=account, transaction_id=str(shown["id"]), kind=KINDS[object_type],
        occurred_at=datetime.fromtimestamp(shown["created"], UTC), currency=str(shown["currency"]).upper(), version=version,
        **fields,
    )  # fmt: skip


def payment_invoice(account: str, object_type: str, shown: Shown, version: int) -> PaymentInvoice | None:
    """Which invoice a payment is for, where the object says it."""
    if object_type == "payment_intent":
        reference = str((shown.get("payment_details") or {}).get("order_reference") or "")
        payment_id, invoice_id = shown.get("id"), _id(shown.get("invoice")) or (reference if reference[:3] == "in_" else "")
    else:
        payment_id, invoice_id = _id((shown.get("payment") or {}).get("payment_intent")), _id(shown.get("invoice"))
    return PaymentInvoice(account, str(payment_id), invoice_id, version) if payment_id and invoice_id else None


def _charge(shown: Shown) -> Shown:
    details, outcome = shown.get("payment_method_details") or {}, shown.get("outcome") or {}
    card, status = details.get("card") or {}, str(shown.get("status"))
    captured, failed = status == "succeeded" and shown.get("captured"), status == "failed"
    amount = int(shown["amount_captured"] if "amount_captured" in shown else shown["amount"])
    return {
        "status": "uncaptured" if status == "succeeded" and not captured else status,
        "amount_minor": amount if captured else 0, "face_minor": int(shown["amount"]),
        "charge_id": shown["id"], "payment_id": _id(shown.get("payment_intent")), "invoice_id": _id(shown.get("invoice")),
        "customer_id": _id(shown.get("customer")), "method": details.get("type"), "card_brand": card.get("brand"),
        "card_country": card.get("country"), "failure_code": shown.get("failure_code") if failed else "",
        "decline_code": (outcome.get("reason") or shown.get("failure_code")) if failed else "",
    }  # fmt: skip


def _refund(shown: Shown) -> Shown:
    moved = shown.get("status") not in _RETURNED
    return _about_payment(shown) | {"amount_minor": -int(shown["amount"]) if moved else 0, "face_minor": int(shown["amount"])}


def _dispute(shown: Shown) -> Shown:
    card = (shown.get("payment_method_details") or {}).get("card") or {}
    moved = sum(int(one["amount"]) for one in shown.get("balance_transactions") or [])
    return _about_payment(shown) | {
        "amount_minor": moved, "face_minor": int(shown["amount"]), "card_brand": card.get("brand"),
        "decline_code": card.get("network_reason_code"),
    }  # fmt: skip


def _about_payment(shown: Shown) -> Shown:
    return {
        "status": shown.get("status"), "charge_id": _id(shown.get("charge")), "payment_id": _id(shown.get("payment_intent")),
        "reason": shown.get("reason"), "failure_code": shown.get("failure_reason"),
    }  # fmt: skip


def _payout(shown: Shown) -> Shown:
    moved = shown.get("status") not in _RETURNED
    return {
        "status": shown.get("status"), "amount_minor": -int(shown["amount"]) if moved else 0, "face_minor": int(shown["amount"]),
        "failure_code": shown.get("failure_code"),
    }  # fmt: skip


def _fee(shown: Shown) -> Shown | None:
    if not shown.get("fee"):
        return None
    source = _id(shown.get("source"))
    return {
        "status": shown.get("status"), "amount_minor": -int(shown["fee"]), "face_minor": int(shown["fee"]),
        "charge_id": source if source[:3] in ("ch_", "py_") else "", "reason": shown.get("reporting_category"),
    }  # fmt: skip


def _id(reference: Any) -> str:  # noqa: ANN401
    found = reference.get("id") if isinstance(reference, dict) else reference
    return str(found or "")


_READERS: dict[str, Callable[[Shown], Shown | None]] = {
    "charge": _charge, "refund": _refund, "dispute": _dispute, "payout": _payout, "balance_transaction": _fee,
}  # fmt: skip
