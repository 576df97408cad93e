"""Payment intents, charges and refunds."""

from infra.local.stripe import collecting, intents, methods, money
from infra.local.stripe.api.fields import Params, merged, with_metadata
from infra.local.stripe.errors import card_error, invalid, missing_param, unexpected_state
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

TAKES = "amount currency customer description metadata payment_method receipt_email setup_future_usage statement_descriptor"
FIELDS = "description receipt_email setup_future_usage statement_descriptor statement_descriptor_suffix"
CONFIRM = "payment_method off_session return_url setup_future_usage"


@route("POST", "/v1/payment_intents", "PaymentIntentCreateParams", needs="payment_intent",
       takes=f"{TAKES} {CONFIRM} {FIELDS} confirm capture_method automatic_payment_methods payment_method_types transfer_group"
      )  # fmt: skip
def create(unit: Unit, params: Params) -> Obj:
    money.check_amount(params["amount"], params["currency"])
    customer = unit.need("customer", params["customer"], "customer") if params.get("customer") else None
    if customer:
        unit.follow(customer)
    pm = methods.resolve(unit, params["payment_method"]) if params.get("payment_method") else None
    told = {name: params[name] for name in FIELDS.split() if params.get(name)}
    if "automatic_payment_methods" in params:
        given = params["automatic_payment_methods"]
        told["automatic_payment_methods"] = {
            "allow_redirects": given.get("allow_redirects", "always"),
            "enabled": given["enabled"],
        }
    made = intents.open_payment(
        unit, params["amount"], params["currency"].lower(), customer["id"] if customer else None,
        capture_method=params.get("capture_method", "automatic"), metadata=merged({}, params.get("metadata") or {}),
        payment_method=pm and pm["id"], transfer_group=params.get("transfer_group"), **told,
    )  # fmt: skip
    return _confirm(unit, made, params) if params.get("confirm") else made


@route("POST", "/v1/payment_intents/{id}", "PaymentIntentUpdateParams", takes=TAKES, needs="payment_intent")
def update(unit: Unit, params: Params, id: str) -> Obj:
    pi = unit.need("payment_intent", id)
    if pi["status"] in ("succeeded", "canceled") and params.keys() & {"amount", "currency", "payment_method", "customer"}:
        raise unexpected_state(
            f"This PaymentIntent's amount could not be updated because it has a status of {pi['status']}.", payment_intent=pi
        )
    told = with_metadata(pi, params, f"{FIELDS} amount currency customer")
    if params.get("payment_method"):
        told |= {"payment_method": methods.resolve(unit, params["payment_method"])["id"], "status": "requires_confirmation"}
    return unit.change(pi, **told)


@route("POST", "/v1/payment_intents/{id}/confirm", "PaymentIntentConfirmParams", takes=CONFIRM, needs="payment_intent")
def confirm(unit: Unit, params: Params, id: str) -> Obj:
    return _confirm(unit, unit.need("payment_intent", id), params)


def _confirm(unit: Unit, pi: Obj, params: Params) -> Obj:
    if pi["status"] not in intents.OPEN:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has already {pi['status']} after being previously confirmed.",
            payment_intent=pi,
        )
    wanted = params.get("payment_method") or pi["payment_method"]
    if not wanted:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        hint = "You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it directly"
        raise unexpected_state(f"{message} {hint} with a payment method or ConfirmationToken.", payment_intent=pi)
    if params.get("setup_future_usage"):
        unit.change(pi, setup_future_usage=params["setup_future_usage"])
    pm = unit.get("payment_method", wanted) or methods.resolve(unit, wanted)
    if pm["customer"] and pm["customer"] != pi["customer"]:
        hint = "Please include the Customer in the `customer` parameter on the PaymentIntent."
        raise invalid(f"The PaymentMethod {pm['id']} belongs to a Customer. {hint}", "payment_method")
    intents.pay(unit, pi, pm, off_session=params.get("off_session") in (True, "true"))
    for payment in unit.find("invoice_payment", payment_intent=pi["id"]):
        collecting.take_result(unit, unit.need("invoice", payment["invoice"]))
    if pi["status"] == "requires_payment_method":
        error = pi["last_payment_error"]
        raise card_error(error, charge=error["charge"], payment_intent=pi, payment_method=error["payment_method"])
    return pi


@route(
    "POST", "/v1/payment_intents/{id}/capture", "PaymentIntentCaptureParams", takes="amount_to_capture", needs="payment_intent"
)
def capture(unit: Unit, params: Params, id: str) -> Obj:
    return intents.capture(unit, unit.need("payment_intent", id), params.get("amount_to_capture"))


@route(
    "POST", "/v1/payment_intents/{id}/cancel", "PaymentIntentCancelParams", takes="cancellation_reason", needs="payment_intent"
)
def cancel(unit: Unit, params: Params, id: str) -> Obj:
    return intents.cancel(unit, unit.need("payment_intent", id), params.get("cancellation_reason"))


@route("POST", "/v1/charges/{id}", "ChargeUpdateParams", takes="description metadata receipt_email", needs="charge")
def update_charge(unit: Unit, params: Params, id: str) -> Obj:
    charge = unit.need("charge", id)
    return unit.change(charge, "charge.updated", **with_metadata(charge, params, "description receipt_email"))


@route("POST", "/v1/refunds", "RefundCreateParams", takes="amount charge payment_intent reason metadata", needs="charge")
def refund(unit: Unit, params: Params) -> Obj:
    if params.get("payment_intent"):
        pi = unit.need("payment_intent", params["payment_intent"], "payment_intent")
        if not pi["latest_charge"] or pi["status"] != "succeeded":
            raise invalid(f"This PaymentIntent ({pi['id']}) does not have a successful charge to refund.", "payment_intent")
        charge = unit.need("charge", pi["latest_charge"])
    elif params.get("charge"):
        charge = unit.need("charge", params["charge"], "charge")
    else:
        raise missing_param("payment_intent")
    return money.refund(unit, charge, params.get("amount"), params.get("reason"), merged({}, params.get("metadata") or {}))


@route("POST", "/v1/refunds/{id}", "RefundUpdateParams", takes="metadata", needs="charge")
def update_refund(unit: Unit, params: Params, id: str) -> Obj:
    made = unit.need("refund", id)
    return unit.change(made, "refund.updated", **with_metadata(made, params, ""))
