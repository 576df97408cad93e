"""Products, prices and coupons."""

from typing import Any

from infra.local.stripe import ids
from infra.local.stripe.api.fields import Params, with_metadata
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import StripeError, invalid, missing_param
from infra.local.stripe.routing import route
from infra.local.stripe.subscribing import plan_of
from infra.local.stripe.unit import Obj, Unit

PRODUCT = "active description images name statement_descriptor tax_code unit_label url shippable"
PRICE = "active lookup_key nickname"


@route("POST", "/v1/products", "ProductCreateParams", takes=f"{PRODUCT} id metadata default_price_data", needs="product")
def create_product(unit: Unit, params: Params) -> Obj:
    id = params.get("id") or ids.new("prod")
    if unit.get("product", id):
        raise StripeError(400, "invalid_request_error", f"Product already exists: {id}", code="resource_already_exists")
    made = blank("product", id=id, created=unit.now, updated=unit.now)
    made |= with_metadata(made, params, PRODUCT)
    unit.add(made)
    unit.emit("product.created", made)
    if "default_price_data" in params:
        price = new_price(unit, made["id"], params["default_price_data"])
        unit.change(made, "product.updated", default_price=price["id"])
    return made


@route("POST", "/v1/products/{id}", "ProductUpdateParams", takes=f"{PRODUCT} metadata default_price", needs="product")
def update_product(unit: Unit, params: Params, id: str) -> Obj:
    product = unit.need("product", id)
    told = with_metadata(product, params, PRODUCT)
    if params.get("default_price"):
        told["default_price"] = unit.need("price", params["default_price"], "default_price")["id"]
    return unit.change(product, "product.updated", **told, updated=unit.now)


@route("DELETE", "/v1/products/{id}", needs="product")
def delete_product(unit: Unit, params: Params, id: str) -> Obj:
    product = unit.need("product", id)
    if unit.find("price", product=id):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    unit.emit("product.deleted", product)
    unit.remove(product)
    return {"id": id, "object": "product", "deleted": True}


def new_price(unit: Unit, product: str, given: Params) -> Obj:
    """A price, told; a recurring one is a plan as well.

    Raises:
        StripeError: no amount, or one that cannot be.
    """
    amount, decimal = given.get("unit_amount"), given.get("unit_amount_decimal")
    metered = (given.get("recurring") or {}).get("usage_type") == "metered"
    if amount is None and decimal is None and not metered:
        raise missing_param("unit_amount")
    if amount is not None and amount < 0:
        raise invalid("Invalid non-negative integer", "unit_amount", "parameter_invalid_integer")
    if amount is None and decimal is not None and float(decimal).is_integer():
        amount = int(float(decimal))
    made = blank("price", id=ids.new("price"), created=unit.now, currency=given["currency"].lower(), product=product)
    made |= {"unit_amount": amount, "unit_amount_decimal": decimal or (None if amount is None else str(amount))}
    made |= with_metadata(made, given, f"{PRICE} tax_behavior")
    if given.get("recurring"):
        made |= {"recurring": _recurring(given["recurring"]), "type": "recurring"}
    unit.add(made)
    if made["recurring"]:
        unit.emit("plan.created", unit.add(plan_of(made)))
    unit.emit("price.created", made)
    return made


def _recurring(given: Params) -> Obj:
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": given.get("meter"),
        "trial_period_days": None,
        "usage_type": given.get("usage_type", "licensed"),
    }


def price_of(unit: Unit, given: Params, param: str) -> Obj:
    """The price that an item names, or a new one of its `price_data`.

    Raises:
        StripeError: neither.
    """
    if given.get("price"):
        return unit.need("price", given["price"], param)
    data: dict[str, Any] | None = given.get("price_data")
    if not data:
        raise missing_param(param)
    product = unit.get("product", data.get("product"))
    if product is None:
        product = create_product(unit, {"name": (data.get("product_data") or {}).get("name", "Product")})
    return new_price(unit, str(product["id"]), data)


@route("POST", "/v1/prices", "PriceCreateParams", needs="plan",
       takes=f"{PRICE} currency metadata product product_data recurring tax_behavior unit_amount unit_amount_decimal"
             " billing_scheme transfer_lookup_key")  # fmt: skip
def create_price(unit: Unit, params: Params) -> Obj:
    if params.get("billing_scheme", "per_unit") != "per_unit":
        raise invalid("The local Stripe makes prices per unit only.", "billing_scheme", "not_simulated")
    key = params.get("lookup_key")
    for other in unit.find("price", lookup_key=key) if key else []:
        if not params.get("transfer_lookup_key"):
            raise invalid(f"A price (`{other['id']}`) already uses that lookup key.", "lookup_key")
        unit.change(other, "price.updated", lookup_key=None)
    if params.get("product"):
        product = unit.need("product", params["product"], "product")["id"]
    elif params.get("product_data"):
        product = create_product(unit, {k: v for k, v in params["product_data"].items() if k in ("name", "id", "metadata")})["id"]
    else:
        raise missing_param("product")
    return new_price(unit, str(product), params)


@route("POST", "/v1/prices/{id}", "PriceUpdateParams", takes=f"{PRICE} metadata tax_behavior", needs="plan")
def update_price(unit: Unit, params: Params, id: str) -> Obj:
    price = unit.need("price", id)
    unit.change(price, "price.updated", **with_metadata(price, params, f"{PRICE} tax_behavior"))
    plan = unit.get("plan", id)
    if plan:
        told = {name: price[name] for name in ("active", "nickname")}
        unit.change(plan, "plan.updated", **told, metadata=dict(price["metadata"]))
    return price


COUPON = "amount_off currency duration_in_months max_redemptions name percent_off redeem_by"


@route("POST", "/v1/coupons", "CouponCreateParams", takes=f"{COUPON} id duration metadata", needs="coupon")
def create_coupon(unit: Unit, params: Params) -> Obj:
    if ("percent_off" in params) == ("amount_off" in params):
        raise missing_param("percent_off")
    made = blank("coupon", id=params.get("id") or ids.letters(8), created=unit.now, duration=params.get("duration", "once"))
    made |= with_metadata(made, params, COUPON)
    unit.add(made)
    unit.emit("coupon.created", made)
    return made


@route("DELETE", "/v1/coupons/{id}", needs="coupon")
def delete_coupon(unit: Unit, params: Params, id: str) -> Obj:
    coupon = unit.need("coupon", id)
    coupon["valid"] = False
    unit.emit("coupon.deleted", coupon)
    unit.remove(coupon)
    return {"id": id, "object": "coupon", "deleted": True}
