"""Coupons and promotion codes applied to subscriptions."""

from typing import Any

from infra.local.stripe import ids, periods
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import invalid, missing_param
from infra.local.stripe.unit import Obj, Unit


def apply(unit: Unit, customer: Obj, sub: Obj, wanted: list[dict[str, Any]] | None) -> None:
    """Give a subscription the discounts that parameters name: coupons or promotion codes.

    Raises:
        StripeError: none such, or no longer valid.
    """
    for want in wanted or []:
        promo = unit.need("promotion_code", want["promotion_code"], "discounts") if want.get("promotion_code") else None
        id = promo["promotion"]["coupon"] if promo else want.get("coupon")
        if not id:
            raise missing_param("discounts[0][coupon]")
        coupon = unit.need("coupon", id, "discounts")
        if not coupon["valid"] or (promo and not promo["active"]):
            raise invalid(f"Coupon expired: {id}", "discounts", "coupon_expired")
        unit.change(coupon, "coupon.updated", times_redeemed=coupon["times_redeemed"] + 1)
        if promo:
            unit.change(promo, "promotion_code.updated", times_redeemed=promo["times_redeemed"] + 1)
        made = blank("discount", id=ids.new("di"), customer=customer["id"], start=unit.now, subscription=sub["id"])
        made |= {"source": {"coupon": id, "type": "coupon"}, "promotion_code": promo["id"] if promo else None}
        if coupon["duration"] == "repeating":
            months: dict[str, object] = {"interval": "month", "interval_count": coupon["duration_in_months"]}
            made["end"] = periods.after(unit.now, months, unit.now)
        unit.add(made)
        unit.change(sub, discounts=[*sub["discounts"], made["id"]])
        unit.emit("customer.discount.created", made)


def drop_spent(unit: Unit, sub: Obj) -> None:
    """Take away, at a renewal, what is over: discounts for one invoice, and those whose months have passed."""
    kept = []
    for id in sub["discounts"]:
        one = unit.get("discount", id)
        coupon = unit.get("coupon", one["source"]["coupon"]) if one else None
        if one is None or coupon is None or coupon["duration"] == "once" or (one["end"] or unit.now + 1) <= unit.now:
            if one:
                unit.change(one, end=one["end"] or unit.now)
                unit.emit("customer.discount.deleted", one)
                unit.remove(one)
            continue
        kept.append(id)
    unit.change(sub, discounts=kept)
