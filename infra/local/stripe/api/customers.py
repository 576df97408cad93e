"""Customers, and their tax ids."""

from infra.local.stripe import cards, collecting, ids, methods
from infra.local.stripe.api.fields import Params, address, merged, plain, with_metadata
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

PLAIN = "balance description email name phone invoice_prefix next_invoice_sequence"
TAKES = f"{PLAIN} address shipping metadata invoice_settings preferred_locales tax_exempt"


def shipping(given: Params | str | None) -> Obj | None:
    if not isinstance(given, dict):
        return None
    return {"address": address(given.get("address")) or {}, "name": given.get("name"), "phone": given.get("phone")}


def settings(unit: Unit, customer: Obj, given: Params) -> Obj:
    """Invoice settings with a default payment method that is the customer's own.

    Raises:
        StripeError: it is not.
    """
    made: Obj = customer["invoice_settings"] | plain(given, "custom_fields default_payment_method footer rendering_options")
    wanted = made["default_payment_method"]
    if wanted and methods.resolve(unit, wanted, "invoice_settings[default_payment_method]")["customer"] != customer["id"]:
        message = f"The customer does not have a payment method with the ID {wanted}."
        hint = "The payment method must be attached to the customer."
        raise invalid(f"{message} {hint}", "invoice_settings[default_payment_method]", "resource_missing")
    return made


def common(unit: Unit, customer: Obj, params: Params) -> Params:
    told = with_metadata(customer, params, PLAIN)
    if "address" in params:
        told["address"] = address(params["address"])
    if "shipping" in params:
        told["shipping"] = shipping(params["shipping"])
    if "invoice_settings" in params:
        told["invoice_settings"] = settings(unit, customer, params["invoice_settings"])
    for name in ("preferred_locales", "tax_exempt"):
        if name in params:
            told[name] = params[name] or ([] if name == "preferred_locales" else "none")
    return told


@route("POST", "/v1/customers", "CustomerCreateParams", takes=f"{TAKES} payment_method test_clock", needs="customer")
def create(unit: Unit, params: Params) -> Obj:
    if params.get("test_clock"):
        unit.need("test_helpers.test_clock", params["test_clock"], "test_clock")
        unit.clock = params["test_clock"]
    made = blank("customer", id=ids.new("cus"), created=unit.now, test_clock=params.get("test_clock"))
    made["invoice_prefix"] = ids.letters(8).upper()
    unit.add(made)
    pm = methods.resolve(unit, params["payment_method"]) if params.get("payment_method") else None
    if pm:
        given = params.get("invoice_settings") or {}
        if given.get("default_payment_method") == params["payment_method"]:
            params = params | {"invoice_settings": given | {"default_payment_method": pm["id"]}}
        unit.change(pm, customer=made["id"])
    made |= common(unit, made, params)
    unit.emit("customer.created", made)
    if pm:
        unit.change(pm, customer=None)
        methods.attach(unit, pm, made)
    return made


@route("POST", "/v1/customers/{id}", "CustomerUpdateParams", takes=TAKES, needs="customer")
def update(unit: Unit, params: Params, id: str) -> Obj:
    customer = unit.need("customer", id)
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{id}'", "id", "resource_missing")
    unit.follow(customer)
    return unit.change(customer, "customer.updated", **common(unit, customer, params))


@route("DELETE", "/v1/customers/{id}", needs="customer")
def delete(unit: Unit, params: Params, id: str) -> Obj:
    """The customer is gone for good: subscriptions end, payment methods are detached, a tombstone stays."""
    customer = unit.need("customer", id)
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{id}'", "id", "resource_missing")
    unit.follow(customer)
    for sub in unit.find("subscription", customer=id):
        if sub["status"] not in ("canceled", "incomplete_expired"):
            collecting.finish(unit, sub, "cancellation_requested")
    for pm in unit.find("payment_method", customer=id):
        methods.detach(unit, pm)
    unit.emit("customer.deleted", customer)
    gone = {"id": id, "object": "customer", "deleted": True}
    customer.clear()
    customer.update(gone)
    unit.touch(customer)
    return customer


@route("POST", "/v1/customers/{id}/tax_ids", "CustomerTaxIdCreateParams", takes="type value", needs="customer")
def add_tax_id(unit: Unit, params: Params, id: str) -> Obj:
    unit.need("customer", id)
    made = {
        "id": ids.new("txi"),
        "object": "tax_id",
        "country": params["value"][:2].upper() if params["value"][:2].isalpha() else None,
        "created": unit.now,
        "customer": id,
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": id, "customer_account": None, "type": "customer"},
        "type": params["type"],
        "value": params["value"],
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    unit.add(made)
    unit.emit("customer.tax_id.created", made)
    return made


@route("DELETE", "/v1/customers/{id}/tax_ids/{inner}", needs="customer")
def drop_tax_id(unit: Unit, params: Params, id: str, inner: str) -> Obj:
    found = unit.need("tax_id", inner)
    unit.emit("customer.tax_id.deleted", found)
    unit.remove(found)
    return {"id": inner, "object": "tax_id", "deleted": True}


METHOD_TAKES = "billing_details metadata allow_redisplay"


@route("POST", "/v1/payment_methods", "PaymentMethodCreateParams", takes=f"type card {METHOD_TAKES}", needs="payment_method")
def create_method(unit: Unit, params: Params) -> Obj:
    """A card by number, or by a token of Stripe's such as `tok_visa`."""
    if params.get("type", "card") != "card" or "card" not in params:
        raise invalid("The local Stripe makes payment methods of type card only.", "type", "not_simulated")
    card = params["card"]
    number = card.get("number") or cards.number_of(card.get("token", ""))
    if not number:
        raise invalid("Missing required param: card[number].", "card[number]", "parameter_missing")
    billing = _billing(params.get("billing_details") or {})
    made = methods.make(unit, number, month=card.get("exp_month", 12), year=card.get("exp_year"), billing=billing)
    made["metadata"] = merged({}, params.get("metadata") or {})
    return made


def _billing(given: Params) -> Obj:
    told = plain(given, "email name phone tax_id")
    found = address(given.get("address"))
    return told | {"address": found} if found else told


@route("POST", "/v1/payment_methods/{id}", "PaymentMethodUpdateParams", takes=f"card {METHOD_TAKES}", needs="payment_method")
def update_method(unit: Unit, params: Params, id: str) -> Obj:
    pm = unit.need("payment_method", id)
    if not pm["customer"]:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    told = with_metadata(pm, params, "allow_redisplay")
    if "billing_details" in params:
        told["billing_details"] = pm["billing_details"] | _billing(params["billing_details"] or {})
    if "card" in params:
        told["card"] = pm["card"] | plain(params["card"], "exp_month exp_year")
    return unit.change(pm, "payment_method.updated", **told)


@route("POST", "/v1/payment_methods/{id}/attach", "PaymentMethodAttachParams", takes="customer", needs="payment_method")
def attach_method(unit: Unit, params: Params, id: str) -> Obj:
    customer = unit.need("customer", params.get("customer", ""), "customer")
    unit.follow(customer)
    return methods.attach(unit, methods.resolve(unit, id), customer)


@route("POST", "/v1/payment_methods/{id}/detach", needs="payment_method")
def detach_method(unit: Unit, params: Params, id: str) -> Obj:
    return methods.detach(unit, unit.need("payment_method", id))
