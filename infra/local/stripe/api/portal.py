"""The customer portal: sessions, and what a customer does on its page."""

from infra.local.stripe import cards, ids, methods
from infra.local.stripe.api.fields import Params
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid, no_such
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

CONFIGURATION = "bpc_1LocalStripeDefault"


@route("POST", "/v1/billing_portal/sessions", "billing_portal.SessionCreateParams",
       takes="customer return_url locale flow_data configuration", needs="customer_portal")  # fmt: skip
def create(unit: Unit, params: Params) -> Obj:
    customer = unit.need("customer", params.get("customer", ""), "customer")
    unit.follow(customer)
    id = ids.new("bps")
    made = blank(
        "billing_portal.session",
        id=id,
        configuration=params.get("configuration") or CONFIGURATION,
        created=unit.now,
        customer=customer["id"],
        flow=_flow(params.get("flow_data")),
        locale=params.get("locale"),
        return_url=params.get("return_url"),
        url=f"{unit.settings['url']}/p/session/{id}",
    )
    unit.add(made)
    unit.emit("billing_portal.session.created", made)
    return made


def _flow(given: Params | None) -> Obj | None:
    if not given:
        return None
    after = given.get("after_completion") or {"type": "portal_homepage"}
    told = {"hosted_confirmation": None, "redirect": None} | after
    made: Obj = {"after_completion": told, "subscription_cancel": None, "subscription_update": None}
    made |= {"subscription_update_confirm": None, "type": given["type"]}
    if given["type"] == "subscription_cancel":
        made["subscription_cancel"] = {"retention": None, "subscription": given["subscription_cancel"]["subscription"]}
    return made


def act(unit: Unit, id: str, method: str | None, cancel: str | None) -> str | None:
    """What a customer does on the page: a new default card, by number or token, or the end of a subscription.

    None, or why the card was refused.

    Raises:
        StripeError: no such session, card or subscription.
    """
    session = unit.need("billing_portal.session", id)
    customer = unit.need("customer", session["customer"])
    unit.follow(customer)
    if cancel:
        sub = unit.need("subscription", cancel)
        if sub["customer"] != customer["id"]:
            raise no_such("subscription", cancel)
        at = sub["items"]["data"][0]["current_period_end"]
        details = sub["cancellation_details"] | {"reason": "cancellation_requested"}
        told = {"cancel_at_period_end": True, "cancel_at": at, "canceled_at": unit.now, "cancellation_details": details}
        unit.change(sub, "customer.subscription.updated", **told)
        return None
    if not method:
        raise invalid("Send `payment_method` or `cancel_subscription`.")
    pm = methods.make(unit, method) if method.isdigit() else methods.resolve(unit, method)
    refusal = methods.decline_of(unit, pm)
    hidden = unit.get("_card", pm["id"]) or {}
    if refusal and not cards.CARDS[hidden["number"]].attaches:
        return cards.DECLINES[refusal].message
    methods.attach(unit, pm, customer)
    methods.set_up(unit, pm)
    settings = customer["invoice_settings"] | {"default_payment_method": pm["id"]}
    unit.change(customer, "customer.updated", invoice_settings=settings)
    for sub in unit.find("subscription", customer=customer["id"]):
        if sub["default_payment_method"] and sub["status"] not in ("canceled", "incomplete_expired"):
            unit.change(sub, "customer.subscription.updated", default_payment_method=pm["id"])
    return None
