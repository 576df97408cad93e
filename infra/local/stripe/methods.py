"""Payment methods: cards by number or token, whose they are, and what their next charge will say.

What Stripe knows and does not show (the number, how charges turn out) is kept beside each in a `_card`.
"""

import copy
from datetime import UTC, datetime

from infra.local.stripe import cards, ids
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import StripeError, card_error, invalid, no_such
from infra.local.stripe.unit import Obj, Unit


def make(unit: Unit, number: str, *, month: int = 12, year: int | None = None, billing: Obj | None = None) -> Obj:
    """A payment method of a test number; without a year its card expires in four.

    Raises:
        StripeError: a wrong number or date.
    """
    this_year = datetime.fromtimestamp(unit.now, UTC).year
    card = cards.known(number)
    made = blank("payment_method", id=ids.new("pm"), created=unit.now, type="card")
    made["card"] = cards.details(number, month, year or this_year + 4, this_year)
    made["billing_details"] |= billing or {}
    unit.add({"object": "_card", "id": made["id"], "number": number, "decline": card.decline, "set_up": False, "spent": False})
    return unit.add(made)


def resolve(unit: Unit, id: str, param: str = "payment_method") -> Obj:
    """A payment method by id, or a new one by a token such as `pm_card_visa`.

    Raises:
        StripeError: neither.
    """
    number = cards.number_of(id)
    if number:
        return make(unit, number)
    found = unit.get("payment_method", id)
    if found is None:
        raise no_such("payment_method", id, param)
    return found


def attach(unit: Unit, pm: Obj, customer: Obj) -> Obj:
    """Save a payment method to a customer; Stripe checks the card with its bank then.

    Raises:
        StripeError: declined, or it is another customer's, or was detached.
    """
    hidden = unit.get("_card", pm["id"])
    if pm["customer"] == customer["id"]:
        return pm
    if pm["customer"]:
        raise invalid(
            "The payment method you provided has already been attached to a customer.", None, "payment_method_already_attached"
        )
    if hidden and hidden["spent"]:
        message = (
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
            "and may not be used again."
        )
        raise invalid(message)
    if hidden and hidden["decline"] and not cards.CARDS[hidden["number"]].attaches:
        raise declined(pm, hidden["decline"])
    unit.change(pm, customer=customer["id"])
    unit.emit("payment_method.attached", pm)
    return pm


def detach(unit: Unit, pm: Obj) -> Obj:
    """Take it from its customer for good; what used it as a default uses none.

    Raises:
        StripeError: it has no customer.
    """
    if not pm["customer"]:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = unit.get("customer", pm["customer"])
    before = pm["customer"]
    unit.change(pm, customer=None)
    hidden = unit.get("_card", pm["id"])
    if hidden:
        unit.change(hidden, spent=True)
    unit.emit("payment_method.detached", pm, {"customer": before})
    if customer and not customer.get("deleted") and customer["invoice_settings"]["default_payment_method"] == pm["id"]:
        unit.change(
            customer, "customer.updated", invoice_settings=customer["invoice_settings"] | {"default_payment_method": None}
        )
    for sub in unit.find("subscription", customer=before):
        if sub["default_payment_method"] == pm["id"]:
            unit.change(sub, "customer.subscription.updated", default_payment_method=None)
    return pm


def declined(pm: Obj, decline: str, **more: object) -> StripeError:
    return card_error(cards.failure(decline), payment_method=copy.deepcopy(pm), **more)


def decline_of(unit: Unit, pm: Obj, *, secured: bool = False) -> str | None:
    """The decline code that a charge would get now; None when it would go through."""
    if pm["type"] == "card":
        now = datetime.fromtimestamp(unit.now, UTC)
        if (pm["card"]["exp_year"], pm["card"]["exp_month"]) < (now.year, now.month):
            return "expired_card"
    hidden = unit.get("_card", pm["id"])
    if not hidden:
        return None
    then = cards.CARDS[hidden["number"]].then
    decline: str | None = then if secured and then else hidden["decline"]
    return decline


def asks_for_security(unit: Unit, pm: Obj) -> bool:
    """Whether a charge of it needs 3-D Secure."""
    hidden = unit.get("_card", pm["id"])
    secure = cards.CARDS[hidden["number"]].secure if hidden else ""
    return secure == "always" or (secure == "unless_set_up" and not (hidden or {})["set_up"])


def set_up(unit: Unit, pm: Obj) -> None:
    """Remember that its owner agreed to charges in their absence."""
    hidden = unit.get("_card", pm["id"])
    if hidden:
        unit.change(hidden, set_up=True)


def default_of(unit: Unit, customer: Obj, *owners: Obj) -> Obj | None:
    """What an invoice is paid with: its own default, its subscription's, then its customer's."""
    for owner in owners:
        if owner.get("default_payment_method"):
            return unit.get("payment_method", owner["default_payment_method"])
    return unit.get("payment_method", (customer.get("invoice_settings") or {}).get("default_payment_method"))
