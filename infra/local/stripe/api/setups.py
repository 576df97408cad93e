"""Setup intents: a payment method saved for later."""

from infra.local.stripe import ids, intents, methods
from infra.local.stripe.api.fields import Params, merged, with_metadata
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import card_error, invalid, unexpected_state
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

TAKES = "customer description metadata payment_method automatic_payment_methods payment_method_types"


def begin(unit: Unit, customer: Obj | None, params: Params) -> Obj:
    """A new setup intent, told."""
    id = ids.new("seti")
    made = blank(
        "setup_intent", id=id, created=unit.now, customer=customer and customer["id"], client_secret=ids.client_secret(id)
    )
    made |= {"description": params.get("description"), "metadata": merged({}, params.get("metadata") or {})}
    made["usage"] = params.get("usage", "off_session")
    if "automatic_payment_methods" in params:
        given = params["automatic_payment_methods"]
        made["automatic_payment_methods"] = {
            "allow_redirects": given.get("allow_redirects", "always"),
            "enabled": given["enabled"],
        }
    if params.get("payment_method"):
        made |= {"payment_method": methods.resolve(unit, params["payment_method"])["id"], "status": "requires_confirmation"}
    unit.add(made)
    unit.emit("setup_intent.created", made)
    return made


@route("POST", "/v1/setup_intents", "SetupIntentCreateParams", takes=f"{TAKES} confirm usage return_url", needs="setup_intent")
def create(unit: Unit, params: Params) -> Obj:
    customer = unit.need("customer", params["customer"], "customer") if params.get("customer") else None
    if customer:
        unit.follow(customer)
    made = begin(unit, customer, params)
    return _confirm(unit, made) if params.get("confirm") else made


@route("POST", "/v1/setup_intents/{id}", "SetupIntentUpdateParams", takes=TAKES, needs="setup_intent")
def update(unit: Unit, params: Params, id: str) -> Obj:
    si = unit.need("setup_intent", id)
    told = with_metadata(si, params, "customer description")
    if params.get("payment_method"):
        told |= {"payment_method": methods.resolve(unit, params["payment_method"])["id"], "status": "requires_confirmation"}
    return unit.change(si, **told)


@route(
    "POST", "/v1/setup_intents/{id}/confirm", "SetupIntentConfirmParams", takes="payment_method return_url", needs="setup_intent"
)
def confirm(unit: Unit, params: Params, id: str) -> Obj:
    si = unit.need("setup_intent", id)
    if si["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise unexpected_state(
            f"This SetupIntent could not be confirmed because it has a status of {si['status']}.", setup_intent=si
        )
    if params.get("payment_method"):
        unit.change(si, payment_method=methods.resolve(unit, params["payment_method"])["id"])
    return _confirm(unit, si)


def _confirm(unit: Unit, si: Obj) -> Obj:
    if not si["payment_method"]:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise unexpected_state(
            f"{message} Update the SetupIntent with a payment method and then confirm it again.", setup_intent=si
        )
    pm = unit.need("payment_method", si["payment_method"], "payment_method")
    if intents.confirm_setup(unit, si, pm) == "requires_payment_method":
        error = si["last_setup_error"]
        raise card_error(error, payment_method=pm, setup_intent=si)
    return si


@route("POST", "/v1/setup_intents/{id}/cancel", "SetupIntentCancelParams", takes="cancellation_reason", needs="setup_intent")
def cancel(unit: Unit, params: Params, id: str) -> Obj:
    si = unit.need("setup_intent", id)
    if si["status"] in ("succeeded", "canceled"):
        raise invalid(
            f"You cannot cancel this SetupIntent because it has a status of {si['status']}.",
            None,
            "setup_intent_unexpected_state",
        )
    unit.change(si, status="canceled", cancellation_reason=params.get("cancellation_reason"), next_action=None)
    unit.emit("setup_intent.canceled", si)
    return si
