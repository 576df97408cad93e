"""Checkout sessions, and what completing one's page does."""

from infra.local.stripe import cards, ids, intents, methods, money, subscribing
from infra.local.stripe.api.catalog import price_of
from infra.local.stripe.api.customers import create as create_customer
from infra.local.stripe.api.fields import Params, merged
from infra.local.stripe.api.setups import begin as begin_setup
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid, missing_param
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import action

TAKES = (
    "mode line_items customer customer_email client_reference_id metadata success_url cancel_url return_url currency expires_at"
    " subscription_data payment_intent_data setup_intent_data payment_method_types allow_promotion_codes ui_mode"
)


@route("POST", "/v1/checkout/sessions", "checkout.SessionCreateParams", takes=TAKES, needs="checkout_session")
def create(unit: Unit, params: Params) -> Obj:
    mode = params.get("mode", "payment")
    customer = unit.need("customer", params["customer"], "customer") if params.get("customer") else None
    if customer:
        unit.follow(customer)
    items = [_line(unit, n, one) for n, one in enumerate(params.get("line_items") or [])]
    if mode != "setup" and not items:
        raise missing_param("line_items")
    if mode == "subscription" and not any(one["price"]["recurring"] for one in items):
        raise invalid("You must provide at least one recurring price in `subscription` mode when using prices.", "mode")
    id = ids.checkout_session()
    total = sum(one["amount_total"] for one in items)
    made = blank(
        "checkout.session",
        id=id,
        amount_subtotal=None if mode == "setup" else total,
        amount_total=None if mode == "setup" else total,
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        created=unit.now,
        currency=items[0]["currency"] if items else params.get("currency"),
        customer=customer and customer["id"],
        customer_creation=None if customer else "always" if mode != "payment" else "if_required",
        customer_email=params.get("customer_email"),
        expires_at=params.get("expires_at") or unit.now + money.DAY,
        metadata=merged({}, params.get("metadata") or {}),
        mode=mode,
        payment_method_collection="always" if mode == "subscription" else "if_required",
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        success_url=params.get("success_url"),
        url=f"{unit.settings['url']}/c/pay/{id}",
    )
    if mode == "setup":
        made["setup_intent"] = begin_setup(unit, customer, params.get("setup_intent_data") or {})["id"]
    data = {name: params.get(name) or {} for name in ("subscription_data", "payment_intent_data")}
    unit.add({"object": "_session", "id": id, "line_items": items, **data})
    unit.at(made["expires_at"], "expire_session", id)
    return unit.add(made)


def _line(unit: Unit, n: int, given: Params) -> Obj:
    price = price_of(unit, given, f"line_items[{n}][price]")
    quantity = given.get("quantity", 1)
    amount = (price["unit_amount"] or 0) * quantity
    product = unit.get("product", price["product"])
    made = blank("item", id=ids.new("li"), amount_subtotal=amount, amount_total=amount, currency=price["currency"], price=price)
    return made | {"quantity": quantity, "description": product and product["name"]}


@action
def expire_session(unit: Unit, id: str) -> None:
    """A day after it was made, or when its maker says so."""
    session = unit.get("checkout.session", id)
    if session and session["status"] == "open":
        unit.change(session, status="expired", url=None)
        unit.emit("checkout.session.expired", session)


@route("POST", "/v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams", needs="checkout_session")
def expire(unit: Unit, params: Params, id: str) -> Obj:
    session = unit.need("checkout.session", id)
    if session["status"] != "open":
        raise invalid(f"This Session is not in an expireable state. This Session has a status of `{session['status']}`.")
    expire_session(unit, id)
    return session


def complete(unit: Unit, id: str, method: str, email: str | None = None) -> str | None:
    """What a customer does on the page: pay with a test card's number or token. None, or why the card was declined.

    Raises:
        StripeError: no such session, it is over, or no such card.
    """
    session = unit.need("checkout.session", id)
    if session["status"] != "open":
        raise invalid(f"This Session is {session['status']}.")
    hidden = unit.need("_session", id)
    customer = unit.get("customer", session["customer"])
    if customer is None:
        customer = create_customer(unit, {"email": email or session["customer_email"] or "guest@example.com"})
    unit.follow(customer)
    pm = methods.make(unit, method) if method.isdigit() else methods.resolve(unit, method)
    done = {"setup": _set_up, "payment": _pay, "subscription": _subscribe}[session["mode"]](unit, session, hidden, customer, pm)
    if isinstance(done, str):
        return done
    details = {name: customer[name] for name in ("address", "email", "name", "phone", "tax_exempt")}
    details |= {"business_name": None, "individual_name": None, "tax_ids": []}
    unit.change(session, status="complete", url=None, customer=customer["id"], customer_details=details, **done)
    unit.emit("checkout.session.completed", session)
    return None


def _set_up(unit: Unit, session: Obj, hidden: Obj, customer: Obj, pm: Obj) -> Params | str:
    si = unit.need("setup_intent", session["setup_intent"])
    unit.change(si, customer=customer["id"])
    if intents.confirm_setup(unit, si, pm, secured=True) != "succeeded":
        return str(si["last_setup_error"]["message"])
    return {}


def _pay(unit: Unit, session: Obj, hidden: Obj, customer: Obj, pm: Obj) -> Params | str:
    data = hidden["payment_intent_data"]
    pi = unit.get("payment_intent", hidden.get("payment_intent"))
    if pi is None:
        pi = intents.open_payment(
            unit, session["amount_total"], session["currency"], customer["id"], description=data.get("description"),
            metadata=data.get("metadata") or {}, setup_future_usage=data.get("setup_future_usage"),
        )  # fmt: skip
        unit.change(hidden, payment_intent=pi["id"])
    if intents.pay(unit, pi, pm, secured=True) not in ("succeeded", "requires_capture"):
        return str(pi["last_payment_error"]["message"])
    return {"payment_status": "paid", "payment_intent": pi["id"]}


def _subscribe(unit: Unit, session: Obj, hidden: Obj, customer: Obj, pm: Obj) -> Params | str:
    decline = methods.decline_of(unit, pm, secured=True)
    if decline:
        return cards.DECLINES[decline].message
    methods.attach(unit, pm, customer)
    methods.set_up(unit, pm)
    prices = [(line["price"], line["quantity"]) for line in hidden["line_items"]]
    given = {name: value for name, value in hidden["subscription_data"].items() if value not in (None, "")}
    told = {"customer": customer["id"], "default_payment_method": pm["id"], **given}
    sub = subscribing.create(unit, told, [one for one in prices if one[0]["recurring"]])
    return {"payment_status": "paid", "subscription": sub["id"], "invoice": sub["latest_invoice"]}
