"""Charges, balance transactions, refunds and disputes: what moves money, and what Stripe says of it."""

import copy
from typing import Any

from infra.local.stripe import cards, ids
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import StripeError, invalid
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import action

DAY = 86_400
THREE_DIGITS = ("bhd", "jod", "kwd", "omr", "tnd")
CATEGORIES = {"adjustment": "dispute", "payment": "charge", "refund_failure": "refund_failure", "payout": "payout"}
AVAILABLE_AFTER_S = 2 * DAY
DISPUTE_FEE = 1500


def fee(amount: int, currency: str) -> int:
    """Stripe's fee of a card payment, in minor units: 2.9 % and 30 of them (100 in currencies with three digits)."""
    three = currency in THREE_DIGITS
    whole = round(amount * 29 / 1000) + (100 if three else 30)
    return whole - whole % 10 if three else whole


def check_amount(amount: int, currency: str) -> None:
    """Amounts as Stripe takes them.

    Raises:
        StripeError
    """
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if amount > 99_999_999:
        raise invalid("Amount must be no more than $999,999.99", "amount", "amount_too_large")
    if currency in THREE_DIGITS and amount % 10:
        raise invalid("Amounts of this currency must end in 0.", "amount", "parameter_invalid_integer")


def move(unit: Unit, source: Obj, kind: str, amount: int, **told: Any) -> Obj:
    """A balance transaction of an object; pending for two days, but for payouts. `told` is its `fee` and `description`."""
    cost = told.get("fee", 0)
    details = {"amount": cost, "application": None, "currency": source["currency"], "description": "Stripe processing fees"}
    now = kind.startswith("payout")
    made = blank(
        "balance_transaction",
        id=ids.new("txn"),
        amount=amount,
        available_on=unit.now if now else unit.now + AVAILABLE_AFTER_S,
        created=unit.now,
        currency=source["currency"],
        fee_details=[details | {"type": "stripe_fee"}] if cost else [],
        net=amount - cost,
        reporting_category=CATEGORIES.get(kind, kind),
        source=source["id"],
        status="available" if now else "pending",
        type=kind,
        **told,
    )
    if not now:
        unit.at(made["available_on"], "funds_available", made["id"])
    return unit.add(made)


@action
def funds_available(unit: Unit, id: str) -> None:
    """Two days later the money can be paid out; Stripe sends no event for it."""
    txn = unit.get("balance_transaction", id)
    if txn:
        unit.change(txn, status="available")


def charge(unit: Unit, pi: Obj, pm: Obj, decline: str | None) -> Obj:
    """A new charge of a payment intent, not told yet; a good one is captured unless that is to be done by hand."""
    captured = not decline and pi["capture_method"] != "manual"
    failure = cards.DECLINES[decline] if decline else None
    made = blank(
        "charge",
        id=ids.new("ch"),
        amount=pi["amount"],
        amount_captured=pi["amount"] if captured else 0,
        billing_details=copy.deepcopy(pm["billing_details"]),
        captured=captured,
        created=unit.now,
        currency=pi["currency"],
        customer=pi["customer"],
        description=pi["description"],
        failure_code=failure and failure.code,
        failure_message=failure and failure.message,
        fraud_details={"stripe_report": "fraudulent"} if failure and failure.blocked else {},
        metadata=dict(pi["metadata"]),
        outcome=_outcome(decline),
        paid=not decline,
        payment_intent=pi["id"],
        payment_method=pm["id"],
        payment_method_details=_details(pi, pm, decline),
        receipt_url=None if decline else f"https://pay.example.com/receipts/{pi['id']}",
        status="failed" if decline else "succeeded",
    )
    pi["latest_charge"] = made["id"]
    if captured:
        cost = fee(pi["amount"], pi["currency"])
        made["balance_transaction"] = move(unit, made, "charge", pi["amount"], fee=cost, description=pi["description"])["id"]
    return unit.add(made)


def _outcome(decline: str | None) -> Obj:
    told: Obj = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
    }
    if decline is None:
        return told | {
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    one = cards.DECLINES[decline]
    told |= {
        "advice_code": one.advice,
        "network_decline_code": one.network,
        "network_status": "not_sent_to_network" if one.blocked else "declined_by_network",
        "reason": "highest_risk_level" if one.blocked else decline,
        "risk_level": "highest" if one.blocked else "normal",
        "risk_score": 90 if one.blocked else 30,
        "seller_message": f"The bank returned the decline code `{decline}`.",
        "type": "blocked" if one.blocked else "issuer_declined",
    }
    return told


def _details(pi: Obj, pm: Obj, decline: str | None) -> Obj:
    if pm["type"] != "card":
        return {"type": pm["type"], pm["type"]: {}}
    card = pm["card"]
    told = {
        name: card[name] for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    }
    told |= {
        "amount_authorized": None if decline else pi["amount"],
        "authorization_code": None if decline else ids.digits(6),
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": ids.digits(15),
        "overcapture": {"maximum_amount_capturable": pi["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
    return {"card": told, "type": "card"}


def refund(unit: Unit, of: Obj, amount: int | None, reason: str | None, metadata: Obj) -> Obj:
    """Give a charge's money back, all that is left of it or part.

    Raises:
        StripeError: it failed, is disputed, or was refunded.
    """
    left = of["amount_captured"] - of["amount_refunded"]
    if of["status"] != "succeeded" or not of["captured"]:
        raise invalid(f"Charge {of['id']} has not been captured.", "charge", "charge_not_refundable")
    if of["disputed"]:
        raise invalid(f"Charge {of['id']} has been charged back; cannot issue a refund.", "charge", "charge_disputed")
    if left == 0:
        raise invalid(f"Charge {of['id']} has already been refunded.", "charge", "charge_already_refunded")
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, "amount", "refund_amount_invalid")
    hidden = unit.get("_card", of["payment_method"]) or {}
    after = cards.CARDS[hidden["number"]].after if hidden.get("number") else ""
    made = blank("refund", id=ids.new("re"), amount=wanted, charge=of["id"], created=unit.now, currency=of["currency"])
    made |= {"metadata": metadata, "payment_intent": of["payment_intent"], "reason": reason}
    made["status"] = "pending" if after == "refund_pending" else "succeeded"
    made["balance_transaction"] = move(unit, made, "refund", -wanted, description="REFUND FOR CHARGE")["id"]
    unit.add(made)
    unit.emit("refund.created", made)
    done = of["amount_refunded"] + wanted
    unit.change(of, "charge.refunded", amount_refunded=done, refunded=done == of["amount_captured"])
    unit.later(3 * 3600, "refund_settled", made["id"], after == "refund_fails")
    return made


@action
def refund_settled(unit: Unit, id: str, fails: bool) -> None:
    """Hours later the bank's reference is known, or the refund has failed and the money is back."""
    made = unit.get("refund", id)
    of = unit.get("charge", made["charge"]) if made else None
    if made is None or of is None or made["status"] in ("failed", "canceled"):
        return
    if fails:
        txn = move(unit, made, "refund_failure", made["amount"], description="REFUND FAILURE")
        made |= {"failure_balance_transaction": txn["id"], "failure_reason": "expired_or_canceled_card"}
        unit.change(made, "refund.updated", status="failed")
        unit.emit("refund.failed", made)
        unit.change(of, "charge.updated", amount_refunded=of["amount_refunded"] - made["amount"], refunded=False)
        return
    card = made["destination_details"]["card"] | {"reference": ids.digits(11), "reference_status": "available"}
    unit.change(made, "refund.updated", status="succeeded", destination_details={"card": card, "type": "card"})
    unit.emit("charge.refund.updated", made, {"destination_details": {"card": {"reference_status": "pending"}}})


@action
def open_dispute(unit: Unit, charge_id: str, reason: str) -> Obj:
    """The cardholder disputes a charge: the money and a fee are withdrawn.

    Raises:
        StripeError: no such charge, or it is disputed.
    """
    of = unit.need("charge", charge_id, "charge")
    if of["disputed"]:
        raise StripeError(400, "invalid_request_error", f"Charge {charge_id} is disputed already.")
    made = blank("dispute", id=ids.new("du"), amount=of["amount"], charge=charge_id, created=unit.now, currency=of["currency"])
    made |= {"payment_intent": of["payment_intent"], "reason": reason}
    made["evidence_details"] |= {"due_by": unit.now + 14 * DAY}
    made["payment_method_details"]["card"]["brand"] = of["payment_method_details"]["card"]["brand"]
    unit.add(made)
    unit.emit("charge.dispute.created", made)
    unit.change(of, "charge.updated", disputed=True)
    txn = move(unit, made, "adjustment", -of["amount"], fee=DISPUTE_FEE, description="Chargeback withdrawal")
    unit.change(made, balance_transactions=[copy.deepcopy(txn)])
    unit.emit("charge.dispute.funds_withdrawn", made)
    return made


@action
def close_dispute(unit: Unit, dispute_id: str, outcome: str) -> Obj:
    """The bank decides: `won` brings the money back, `lost` does not.

    Raises:
        StripeError: no such dispute.
    """
    made = unit.need("dispute", dispute_id)
    unit.change(made, status=outcome)
    if outcome == "won":
        back = move(unit, made, "adjustment", made["amount"], fee=-DISPUTE_FEE, description="Chargeback reversal")
        unit.change(made, balance_transactions=[*made["balance_transactions"], copy.deepcopy(back)])
        unit.emit("charge.dispute.funds_reinstated", made)
    unit.emit("charge.dispute.closed", made)
    return made


@action
def warn_of_fraud(unit: Unit, charge_id: str) -> None:
    """The card's network reports that a charge is fraudulent, before anyone disputes it."""
    of = unit.need("charge", charge_id)
    made = blank(
        "radar.early_fraud_warning", id=ids.new("issfr"), charge=charge_id, created=unit.now, payment_intent=of["payment_intent"]
    )
    unit.add(made)
    unit.emit("radar.early_fraud_warning.created", made)
