"""Payment and setup intents: what confirming them does, by the card that is used."""

import copy

from infra.local.stripe import cards, ids, methods, money
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import StripeError, invalid, unexpected_state
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import action

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*OPEN, "requires_capture", "processing")


def open_payment(unit: Unit, amount: int, currency: str, customer: str | None, **fields: object) -> Obj:
    """A new payment intent, told."""
    id = ids.new("pi")
    made = blank("payment_intent", id=id, amount=amount, currency=currency, customer=customer, created=unit.now, **fields)
    made["client_secret"] = ids.client_secret(id)
    made["status"] = "requires_confirmation" if made["payment_method"] else "requires_payment_method"
    unit.add(made)
    unit.emit("payment_intent.created", made)
    return made


def pay(unit: Unit, pi: Obj, pm: Obj, *, off_session: bool = False, secured: bool = False) -> str:
    """Try to charge a payment method for an intent; returns the status that the intent has then.

    A decline is `requires_payment_method`, with the reason in `last_payment_error`.
    """
    unit.change(pi, payment_method=pm["id"])
    if methods.asks_for_security(unit, pm) and not secured:
        if off_session:
            return _fail(unit, pi, pm, "authentication_required")
        step = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": ids.new("src")}}
        unit.change(pi, "payment_intent.requires_action", status="requires_action", next_action=step)
        return "requires_action"
    decline = methods.decline_of(unit, pm, secured=secured)
    if decline:
        return _fail(unit, pi, pm, decline)
    charge = money.charge(unit, pi, pm, None)
    unit.emit("charge.succeeded", charge)
    done: Obj = {"next_action": None, "last_payment_error": None}
    if pi["capture_method"] == "manual":
        unit.change(pi, status="requires_capture", amount_capturable=pi["amount"], **done)
        unit.emit("payment_intent.amount_capturable_updated", pi)
        unit.later(7 * money.DAY, "expire_hold", pi["id"])
    else:
        unit.change(pi, status="succeeded", amount_received=pi["amount"], **done)
        unit.emit("payment_intent.succeeded", pi)
        _aftermath(unit, charge, pm)
    customer = unit.get("customer", pi["customer"])
    if pi["setup_future_usage"] and customer and not pm["customer"]:
        methods.attach(unit, pm, customer)
    return str(pi["status"])


def _fail(unit: Unit, pi: Obj, pm: Obj, decline: str) -> str:
    charge = money.charge(unit, pi, pm, decline)
    unit.emit("charge.failed", charge)
    told = cards.failure(decline, charge["id"]) | {"payment_method": copy.deepcopy(pm)}
    unit.change(pi, status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=told)
    unit.emit("payment_intent.payment_failed", pi)
    return "requires_payment_method"


def _aftermath(unit: Unit, charge: Obj, pm: Obj) -> None:
    hidden = unit.get("_card", pm["id"])
    after = cards.CARDS[hidden["number"]].after if hidden else ""
    if after.startswith("dispute:"):
        unit.later(1, "open_dispute", charge["id"], after.removeprefix("dispute:"))
    elif after == "warning":
        unit.later(1, "warn_of_fraud", charge["id"])
    elif after == "available_now":
        txn = unit.need("balance_transaction", charge["balance_transaction"])
        unit.change(txn, available_on=unit.now, status="available")


def refuse_security(unit: Unit, pi: Obj) -> None:
    """Its owner did not pass 3-D Secure."""
    pm = unit.get("payment_method", pi["payment_method"])
    code = "payment_intent_authentication_failure"
    message = "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod."
    told: Obj = {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}", "message": message}
    told |= {"payment_method": copy.deepcopy(pm), "type": "invalid_request_error"}
    unit.change(pi, status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=told)
    unit.emit("payment_intent.payment_failed", pi)


def capture(unit: Unit, pi: Obj, amount: int | None) -> Obj:
    """Take the money that is held, or part of it; the rest is let go.

    Raises:
        StripeError: nothing is held, or not so much.
    """
    if pi["status"] != "requires_capture":
        raise _not_in(pi, "This PaymentIntent could not be captured", "captured", ("requires_capture",))
    taken = pi["amount_capturable"] if amount is None else amount
    if not 0 < taken <= pi["amount_capturable"]:
        raise invalid(
            "The amount to capture is greater than the amount that can be captured.", "amount_to_capture", "amount_too_large"
        )
    charge = unit.need("charge", pi["latest_charge"])
    cost = money.fee(taken, pi["currency"])
    txn = money.move(unit, charge, "charge", taken, fee=cost, description=pi["description"])
    rest = charge["amount"] - taken
    unit.change(charge, captured=True, amount_captured=taken, balance_transaction=txn["id"], amount_refunded=rest)
    unit.emit("charge.captured", charge)
    unit.change(pi, status="succeeded", amount_capturable=0, amount_received=taken)
    unit.emit("payment_intent.succeeded", pi)
    return pi


def cancel(unit: Unit, pi: Obj, reason: str | None) -> Obj:
    """Give a payment up; what is held is let go.

    Raises:
        StripeError: it is over.
    """
    if pi["status"] not in CANCELABLE:
        raise _not_in(pi, "You cannot cancel this PaymentIntent", "canceled", CANCELABLE)
    charge = unit.get("charge", pi["latest_charge"])
    if pi["status"] == "requires_capture" and charge:
        unit.change(charge, amount_refunded=charge["amount"], refunded=True)
        unit.emit("charge.refunded" if reason != "automatic" else "charge.expired", charge)
    unit.change(pi, status="canceled", canceled_at=unit.now, cancellation_reason=reason, amount_capturable=0, next_action=None)
    unit.emit("payment_intent.canceled", pi)
    return pi


def _not_in(pi: Obj, what: str, done: str, statuses: tuple[str, ...]) -> StripeError:
    told = (
        f"{what} because it has a status of {pi['status']}. Only a PaymentIntent with one of the following statuses may be {done}"
    )
    return unexpected_state(f"{told}: {', '.join(statuses)}.", payment_intent=pi)


def confirm_setup(unit: Unit, si: Obj, pm: Obj, *, secured: bool = False) -> str:
    """Save a payment method for later; returns the intent's status then.

    A decline leaves it at `requires_payment_method`, with the reason in `last_setup_error`.
    """
    unit.change(si, payment_method=pm["id"], latest_attempt=ids.new("setatt"))
    hidden = unit.get("_card", pm["id"])
    card = cards.CARDS[hidden["number"]] if hidden else cards.Card()
    if card.secure and not secured:
        step = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": ids.new("src")}}
        unit.change(si, status="requires_action", next_action=step)
        unit.emit("setup_intent.requires_action", si)
        return "requires_action"
    if hidden and hidden["decline"] and not card.attaches:
        told = cards.failure(hidden["decline"]) | {"payment_method": copy.deepcopy(pm)}
        unit.change(si, status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=told)
        unit.emit("setup_intent.setup_failed", si)
        return "requires_payment_method"
    customer = unit.get("customer", si["customer"])
    if customer:
        methods.attach(unit, pm, customer)
    methods.set_up(unit, pm)
    unit.change(si, status="succeeded", next_action=None, last_setup_error=None)
    unit.emit("setup_intent.succeeded", si)
    return "succeeded"


@action
def expire_hold(unit: Unit, id: str) -> None:
    """Seven days after the authorization the bank lets the money go."""
    pi = unit.get("payment_intent", id)
    if pi and pi["status"] == "requires_capture":
        cancel(unit, pi, "automatic")
