"""Subscriptions: begun with a first invoice or a trial, changed with prorations, canceled."""

import copy
from typing import Any

from infra.local.stripe import collecting, discounts, ids, invoicing, methods, money, periods
from infra.local.stripe.blanks import blank, list_of
from infra.local.stripe.errors import StripeError, invalid, missing_param
from infra.local.stripe.unit import Obj, Unit

Params = dict[str, Any]
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment method."
    " For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)
INCOMPLETE_S = 23 * 3600
TRIAL_WARNING_S = 3 * money.DAY


def plan_of(price: Obj) -> Obj:
    """The plan that a recurring price is also shown as."""
    rec = price["recurring"]
    told = {name: price[name] for name in ("id", "active", "billing_scheme", "created", "currency", "nickname", "product")}
    told |= {name: rec[name] for name in ("interval", "interval_count", "meter", "usage_type")}
    return blank(
        "plan", amount=price["unit_amount"], amount_decimal=price["unit_amount_decimal"], metadata=dict(price["metadata"]), **told
    )


def new_item(unit: Unit, sub: str, price: Obj, quantity: int | None, period: tuple[int, int]) -> Obj:
    made = blank("subscription_item", id=ids.new("si"), created=unit.now, subscription=sub)
    made |= {"current_period_start": period[0], "current_period_end": period[1]}
    made |= {"plan": plan_of(price), "price": copy.deepcopy(price)}
    return made if price["recurring"]["usage_type"] == "metered" else made | {"quantity": 1 if quantity is None else quantity}


def create(unit: Unit, params: Params, prices: list[tuple[Obj, int | None]]) -> Obj:
    """Begin a subscription to these prices and quantities, and charge for it or begin its trial.

    Raises:
        StripeError: nothing to pay with, prices that do not fit together, or a decline with `error_if_incomplete`.
    """
    customer = unit.need("customer", params["customer"], "customer")
    _check_prices([price for price, _ in prices])
    trial_end = _trial_end(unit, params)
    rec = prices[0][0]["recurring"]
    end = trial_end or periods.after(unit.now, rec, unit.now)
    sub = _blank(unit, customer, params, trial_end)
    sub["currency"] = prices[0][0]["currency"]
    items = [new_item(unit, sub["id"], price, quantity, (unit.now, end)) for price, quantity in prices]
    sub["items"] = list_of(f"/v1/subscription_items?subscription={sub['id']}", items, total=True)
    _show_single(sub)
    pm = methods.default_of(unit, customer, sub)
    behavior = params.get("payment_behavior", "allow_incomplete")
    charges = sub["collection_method"] == "charge_automatically"
    if charges and pm is None and not trial_end and behavior != "default_incomplete" and any(p["unit_amount"] for p, _ in prices):
        raise invalid(NO_METHOD, None, "resource_missing")
    unit.add(sub)
    discounts.apply(unit, customer, sub, params.get("discounts"))
    inv = first_invoice(unit, customer, sub, params, free=trial_end is not None)
    sub["latest_invoice"] = inv["id"]
    unit.emit("customer.subscription.created", sub)
    unit.emit("invoice.created", inv)
    _collect_first(unit, sub, inv, pm, params)
    _plan_ahead(unit, sub, end)
    return sub


def _blank(unit: Unit, customer: Obj, params: Params, trial_end: int | None) -> Obj:
    method = params.get("collection_method", "charge_automatically")
    if method == "send_invoice" and "days_until_due" not in params:
        raise missing_param("days_until_due")
    if params.get("default_payment_method"):
        methods.resolve(unit, params["default_payment_method"], "default_payment_method")
    told = {name: params[name] for name in ("description", "default_payment_method", "days_until_due") if params.get(name)}
    told |= {
        name: blank("subscription")[name] | params[name] for name in ("payment_settings", "trial_settings") if name in params
    }
    return blank(
        "subscription",
        id=ids.new("sub"),
        billing_cycle_anchor=trial_end or unit.now,
        cancel_at_period_end=params.get("cancel_at_period_end", False),
        collection_method=method,
        created=unit.now,
        customer=customer["id"],
        default_tax_rates=[unit.need("tax_rate", id, "default_tax_rates") for id in params.get("default_tax_rates") or []],
        metadata=params.get("metadata") or {},
        start_date=unit.now,
        status="trialing" if trial_end else "active" if method == "send_invoice" else "incomplete",
        test_clock=customer["test_clock"],
        trial_end=trial_end,
        trial_start=unit.now if trial_end else None,
        **told,
    )


def _check_prices(prices: list[Obj]) -> None:
    if not prices:
        raise missing_param("items")
    for price in prices:
        if not price["recurring"]:
            told = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`"
            raise invalid(told, "items[0][price]")
        if not price["active"]:
            raise invalid(
                f"The price specified is inactive. This field only accepts active prices: {price['id']}", "items[0][price]"
            )
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("You cannot combine currencies on a single subscription.", "items")
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}) > 1:
        raise invalid("Currently, all prices of a classic subscription must have the same `interval`.", "items")


def _trial_end(unit: Unit, params: Params) -> int | None:
    if params.get("trial_period_days"):
        return int(unit.now + params["trial_period_days"] * money.DAY)
    end = params.get("trial_end")
    if end in (None, "now"):
        return None
    if int(str(end)) <= unit.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    return int(str(end))


def _show_single(sub: Obj) -> None:
    """`plan` and `quantity`, which Stripe sends for subscriptions to one price, besides what its schemas say."""
    items = sub["items"]["data"]
    sub["items"]["total_count"] = len(items)
    sub["plan"] = items[0]["plan"] if len(items) == 1 else None
    sub["quantity"] = items[0].get("quantity") if len(items) == 1 else None


def first_invoice(unit: Unit, customer: Obj, sub: Obj, params: Params, *, free: bool) -> Obj:
    inv = invoicing.draft(unit, customer, sub["currency"], reason="subscription_create", sub=sub)
    inv["lines"]["data"] = [invoicing.line_of_item(unit, inv, item, free=free) for item in sub["items"]["data"]]
    if not free:
        invoicing.take_items(unit, inv, invoicing.pending_items(unit, customer["id"], sub["currency"]))
    return invoicing.total(unit, inv)


def _collect_first(unit: Unit, sub: Obj, inv: Obj, pm: Obj | None, params: Params) -> None:
    invoicing.finalize(unit, inv)
    if inv["status"] == "paid":
        if sub["status"] == "incomplete":
            unit.change(sub, "customer.subscription.updated", status="active")
        return
    if sub["collection_method"] == "send_invoice":
        unit.emit("invoice.sent", inv)
        return
    unit.later(INCOMPLETE_S, "expire_incomplete", sub["id"])
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "default_incomplete":
        return
    collecting.attempt(unit, inv, pm, off_session=params.get("off_session", False))
    found = invoicing.payment_of(unit, inv)
    if behavior == "error_if_incomplete" and inv["status"] != "paid" and found and pm:
        error = found[1]["last_payment_error"] or {}
        failed = methods.declined(pm, error.get("decline_code", "authentication_required"))
        failed.keeps = False
        raise failed


def _plan_ahead(unit: Unit, sub: Obj, end: int) -> None:
    unit.at(end, "renew", sub["id"], end)
    if sub["status"] == "trialing":
        unit.at(max(unit.now, end - TRIAL_WARNING_S), "warn_of_trial_end", sub["id"], end)
    elif end - unit.now > (ahead := unit.settings["upcoming_days"] * money.DAY):
        unit.at(end - ahead, "tell_upcoming", sub["id"], end)


def update_items(unit: Unit, sub: Obj, wanted: list[Params], prices: dict[int, Obj], proration: str) -> None:
    """Change, add or take away items; what is left of the period is credited and charged by the second.

    Raises:
        StripeError: an item that is not the subscription's, or no item left.
    """
    items: list[Obj] = copy.deepcopy(sub["items"]["data"])
    before = copy.deepcopy(items)
    first = items[0]
    for index, want in enumerate(wanted):
        found = next((item for item in items if item["id"] == want.get("id")), None)
        if want.get("id") and found is None:
            raise StripeError(404, "invalid_request_error", f"No such subscription item: '{want['id']}'", code="resource_missing")
        if want.get("deleted"):
            items.remove(found) if found else None
        elif found is not None:
            _change_item(found, prices.get(index), want)
        else:
            period = (first["current_period_start"], first["current_period_end"])
            items.append(new_item(unit, sub["id"], prices[index], want.get("quantity"), period))
    if not items:
        raise invalid("A subscription must have at least one active plan. To remove all plans, cancel the subscription.", "items")
    _check_prices([item["price"] for item in items])
    if proration != "none" and sub["status"] in ("active", "past_due"):
        prorate(unit, sub, before, items)
    listed = sub["items"] | {"data": items, "total_count": len(items)}
    single = items[0] if len(items) == 1 else {}
    unit.change(sub, "customer.subscription.updated", items=listed, plan=single.get("plan"), quantity=single.get("quantity"))


def _change_item(item: Obj, price: Obj | None, want: Params) -> None:
    if price:
        item |= {"price": copy.deepcopy(price), "plan": plan_of(price)}
    if "quantity" in want:
        item["quantity"] = want["quantity"]
    if "metadata" in want:
        item["metadata"] = item["metadata"] | (want["metadata"] or {})


def prorate(unit: Unit, sub: Obj, before: list[Obj], after: list[Obj]) -> None:
    """Invoice items for the rest of the period: what was paid comes back, what is wanted now is charged."""
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    for id in {**old, **new}:
        was, now = old.get(id), new.get(id)
        if was and now and (was["price"]["id"], was.get("quantity")) == (now["price"]["id"], now.get("quantity")):
            continue
        for item, sign, text in ((was, -1, "Unused time"), (now, 1, "Remaining time")):
            if item and item["price"]["unit_amount"]:
                _prorated(unit, sub, item, sign, text)


def _prorated(unit: Unit, sub: Obj, item: Obj, sign: int, text: str) -> None:
    start, end = item["current_period_start"], item["current_period_end"]
    whole = item["price"]["unit_amount"] * item.get("quantity", 1)
    amount = sign * round(whole * max(end - unit.now, 0) / (end - start))
    price = item["price"]
    told = {"subscription": sub["id"], "subscription_item": item["id"]}
    made = blank(
        "invoiceitem",
        id=ids.new("ii"),
        amount=amount,
        currency=sub["currency"],
        customer=sub["customer"],
        date=unit.now,
        description=f"{text} on {item.get('quantity', 1)} × {price['nickname'] or price['id']}",
        net_amount=amount,
        parent={"subscription_details": told, "type": "subscription_details"},
        period={"end": end, "start": unit.now},
        pricing={
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        proration=True,
        quantity=item.get("quantity", 1),
        quantity_decimal=str(item.get("quantity", 1)),
        test_clock=sub["test_clock"],
    )
    unit.add(made)
    unit.emit("invoiceitem.created", made)
