"""Subscriptions."""

from infra.local.stripe import collecting, discounts, invoicing, methods, renewing, subscribing
from infra.local.stripe.api.catalog import price_of
from infra.local.stripe.api.fields import Params, merged, with_metadata
from infra.local.stripe.errors import invalid, missing_param, no_such
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit

BEGIN = (
    "customer items default_payment_method default_tax_rates description discounts metadata collection_method days_until_due"
    " cancel_at_period_end payment_behavior payment_settings off_session trial_period_days trial_end trial_settings"
    " proration_behavior"
)
CHANGE = (
    "items default_payment_method description discounts metadata collection_method days_until_due cancel_at_period_end cancel_at"
    " pause_collection proration_behavior trial_end cancellation_details off_session payment_behavior payment_settings"
    " trial_settings"
)


@route("POST", "/v1/subscriptions", "SubscriptionCreateParams", takes=BEGIN, needs="subscription")
def create(unit: Unit, params: Params) -> Obj:
    if "customer" not in params:
        raise missing_param("customer")
    customer = unit.need("customer", params["customer"], "customer")
    unit.follow(customer)
    items = params.get("items") or []
    prices = [(price_of(unit, item, f"items[{n}][price]"), item.get("quantity")) for n, item in enumerate(items)]
    return subscribing.create(unit, params | {"metadata": merged({}, params.get("metadata") or {})}, prices)


@route("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams", takes=CHANGE, needs="subscription")
def update(unit: Unit, params: Params, id: str) -> Obj:
    sub = unit.need("subscription", id)
    unit.follow(sub)
    if sub["status"] in renewing.OVER:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    if "items" in params:
        prices = {n: price_of(unit, item, f"items[{n}][price]") for n, item in enumerate(params["items"]) if _names_price(item)}
        proration = params.get("proration_behavior", "create_prorations")
        subscribing.update_items(unit, sub, params["items"], prices, proration)
        if proration == "always_invoice":
            _invoice_now(unit, sub)
    told = with_metadata(sub, params, "description collection_method days_until_due")
    if "default_payment_method" in params:
        wanted = params["default_payment_method"]
        told["default_payment_method"] = methods.resolve(unit, wanted, "default_payment_method")["id"] if wanted else None
    for name in ("payment_settings", "trial_settings"):
        if name in params:
            told[name] = (sub[name] or {}) | params[name]
    unit.change(sub, "customer.subscription.updated", **told, **_cancellation(unit, sub, params), **_pause(unit, id, params))
    if "discounts" in params:
        for old in list(sub["discounts"]):
            unit.remove(unit.need("discount", old))
        unit.change(sub, discounts=[])
        discounts.apply(unit, unit.need("customer", sub["customer"]), sub, params["discounts"] or [])
    if params.get("trial_end"):
        _move_trial(unit, sub, params["trial_end"])
    return sub


def _names_price(item: Params) -> bool:
    return bool(item.get("price") or item.get("price_data"))


def _cancellation(unit: Unit, sub: Obj, params: Params) -> Params:
    details = sub["cancellation_details"] | (params.get("cancellation_details") or {})
    told: Params = {"cancellation_details": details} if "cancellation_details" in params else {}
    if "cancel_at_period_end" in params:
        ends = params["cancel_at_period_end"]
        at = sub["items"]["data"][0]["current_period_end"] if ends else None
        details = details | {"reason": "cancellation_requested" if ends else None}
        told |= {
            "cancel_at_period_end": ends,
            "cancel_at": at,
            "canceled_at": unit.now if ends else None,
            "cancellation_details": details,
        }
    if "cancel_at" in params:
        at = params["cancel_at"] or None
        if isinstance(at, str):
            raise invalid("The local Stripe takes a time for `cancel_at` only.", "cancel_at", "not_simulated")
        told |= {"cancel_at": at, "canceled_at": unit.now if at else None}
        if at:
            unit.at(at, "cancel_when_due", sub["id"], at)
    return told


def _pause(unit: Unit, id: str, params: Params) -> Params:
    if "pause_collection" not in params:
        return {}
    given = params["pause_collection"]
    if given and given.get("resumes_at"):
        unit.at(given["resumes_at"], "end_pause", id, given["resumes_at"])
    return {"pause_collection": {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")} if given else None}


def _invoice_now(unit: Unit, sub: Obj) -> None:
    """`always_invoice`: what the change costs is billed at once."""
    items = invoicing.pending_items(unit, sub["customer"], sub["currency"], sub["id"])
    if not items:
        return
    customer = unit.need("customer", sub["customer"])
    inv = invoicing.draft(unit, customer, sub["currency"], reason="subscription_update", sub=sub)
    invoicing.take_items(unit, inv, items)
    unit.emit("invoice.created", inv)
    unit.change(sub, latest_invoice=inv["id"])
    invoicing.finalize(unit, inv)
    if inv["status"] == "open" and sub["collection_method"] == "charge_automatically":
        collecting.attempt(unit, inv, collecting.method_of(unit, inv))


def _move_trial(unit: Unit, sub: Obj, end: int | str) -> None:
    if end == "now":
        if sub["status"] == "trialing":
            renewing.end_trial_now(unit, sub)
        return
    second = int(end)
    if second <= unit.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    items = [item | {"current_period_end": second} for item in sub["items"]["data"]]
    begun = sub["trial_start"] or unit.now
    told = {"status": "trialing", "trial_start": begun, "trial_end": second, "billing_cycle_anchor": second}
    unit.change(sub, "customer.subscription.updated", **told, items=sub["items"] | {"data": items})
    unit.at(second, "renew", sub["id"], second)
    unit.at(max(unit.now, second - subscribing.TRIAL_WARNING_S), "warn_of_trial_end", sub["id"], second)


@route(
    "DELETE",
    "/v1/subscriptions/{id}",
    "SubscriptionCancelParams",
    takes="cancellation_details invoice_now prorate",
    needs="subscription",
)
def cancel(unit: Unit, params: Params, id: str) -> Obj:
    """End it now. A final invoice (`invoice_now`, `prorate`) is not simulated."""
    sub = unit.need("subscription", id)
    unit.follow(sub)
    if sub["status"] in renewing.OVER:
        raise no_such("subscription", id)
    if params.get("invoice_now") or params.get("prorate"):
        raise invalid("The local Stripe makes no final invoice at a cancellation.", "invoice_now", "not_simulated")
    return collecting.finish(unit, sub, "cancellation_requested", **(params.get("cancellation_details") or {}))


@route("POST", "/v1/subscriptions/{id}/pause", "SubscriptionPauseParams", takes="type", needs="subscription")
def pause(unit: Unit, params: Params, id: str) -> Obj:
    """No further period begins until it is resumed; what was paid for the running one is not given back."""
    sub = unit.need("subscription", id)
    unit.follow(sub)
    if sub["status"] not in ("active", "trialing", "past_due"):
        raise invalid("Only active, trialing or past due subscriptions can be paused.")
    unit.change(sub, status="paused")
    unit.emit("customer.subscription.paused", sub)
    return sub


@route(
    "POST",
    "/v1/subscriptions/{id}/resume",
    "SubscriptionResumeParams",
    takes="billing_cycle_anchor proration_behavior",
    needs="subscription",
)
def resume(unit: Unit, params: Params, id: str) -> Obj:
    """A paused subscription, as one whose trial ended without a payment method, goes on with a period from now."""
    sub = unit.need("subscription", id)
    unit.follow(sub)
    if sub["status"] != "paused":
        raise invalid("Only paused subscriptions can be resumed.")
    unit.change(sub, status="active", billing_cycle_anchor=unit.now)
    for item in sub["items"]["data"]:
        item["current_period_end"] = unit.now
    renewing.begin_period(unit, sub, unit.need("customer", sub["customer"]))
    renewing.bill(unit, sub["latest_invoice"])
    unit.emit("customer.subscription.resumed", sub)
    return sub
