"""What subscriptions, discounts and coupons say, in both of Stripe's shapes: periods of the whole or of its items, `discount`
or `discounts`, a coupon by itself or as a discount's source, prices or plans.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from oppulence.sync import events
from oppulence.sync.stripe_events import StripeEvent
from oppulence.sync.told import Shown, Told, at, at_or_none, id_of

ENDED = ("canceled", "incomplete_expired")
_ITEMS_MAX, _DISCOUNTS_MAX = 40, 20
"""More would not fit into an event; Stripe allows 20 of each."""


def subscription(shown: Shown) -> dict[str, Any]:
    """The fields of a subscription fact."""
    listed = shown.get("items") or {}
    shown_items = listed.get("data") or ([shown | {"id": ""}] if shown.get("plan") else [])
    items = [item for one in shown_items[:_ITEMS_MAX] if (item := _item(one))]
    starts, ends = (_periods(shown, shown_items, f"current_period_{edge}") for edge in ("start", "end"))
    discounts = [*(shown.get("discounts") or []), *([shown["discount"]] if shown.get("discount") else [])]
    return {
        "currency": str(shown.get("currency") or (items[0]["currency"] if items else "")).upper(),
        "customer_id": id_of(shown.get("customer")), "status": shown["status"], "paused": _paused(shown), "items": items,
        "items_complete": len(items) == len(shown_items) and not listed.get("has_more"),
        "discounts": [_discount(one) for one in {id_of(one): one for one in discounts}.values()][:_DISCOUNTS_MAX],
        "current_period_start_at": starts, "current_period_end_at": ends, "started_at": at_or_none(shown.get("start_date")),
        "trial_end_at": at_or_none(shown.get("trial_end")), "cancel_at": at_or_none(_cancel_at(shown, ends)),
        "ended_at": at_or_none(shown.get("ended_at")),
    }  # fmt: skip


def discount(shown: Shown) -> dict[str, Any]:
    """The fields of a discount fact."""
    return {
        "customer_id": id_of(shown.get("customer")), "subscription_id": id_of(shown.get("subscription")),
        "item_id": id_of(shown.get("subscription_item")), "coupon_id": id_of(coupon_of(shown)),
        "starts_at": at_or_none(shown.get("start")), "ends_at": at_or_none(shown.get("end")),
    }  # fmt: skip


def coupon(event: StripeEvent) -> Iterator[Told]:
    """A coupon's terms, from whatever shows them."""
    terms = coupon_terms(event.object)
    if terms:
        made = event.object.get("created") or event.created
        yield Told("created", at(made), events.CouponCreated, {"coupon": terms})


def _paused(shown: Shown) -> bool:
    return shown["status"] == "paused" or bool(shown.get("pause_collection"))


def _cancel_at(shown: Shown, period_end: Any) -> float | None:  # noqa: ANN401
    """Newer versions give the moment, older ones only say that it is the period's end."""
    if shown.get("cancel_at") or not shown.get("cancel_at_period_end"):
        return shown.get("cancel_at")
    return period_end.timestamp() if period_end else None


def _periods(shown: Shown, items: list[Shown], edge: str) -> Any:  # noqa: ANN401
    moments = [one[edge] for one in items if one.get(edge) is not None]
    return at_or_none(min(moments) if moments else shown.get(edge))


def _item(shown: Shown) -> dict[str, Any] | None:
    """One item; None when it is charged once only."""
    price = shown.get("price") or shown.get("plan") or {}
    recurring = price.get("recurring") or price
    if not price.get("currency") or not recurring.get("interval"):
        return None
    amount = price.get("unit_amount_decimal") or price.get("amount_decimal") or price.get("unit_amount", price.get("amount"))
    package = price.get("transform_quantity") or price.get("transform_usage") or {}
    return {
        "item_id": shown["id"], "price_id": price["id"], "product_id": id_of(price.get("product")),
        "quantity": shown.get("quantity"), "unit_amount_minor": _decimal(amount), "currency": price["currency"].upper(),
        "interval": recurring["interval"], "interval_count": recurring.get("interval_count") or 1,
        "metered": recurring.get("usage_type") == "metered", "tiered": price.get("billing_scheme") == "tiered",
        "units_per_package": package.get("divide_by") or 1, "rounds_up": package.get("round", "up") == "up",
        "discount_ids": [found for one in (shown.get("discounts") or [])[:_DISCOUNTS_MAX] if (found := id_of(one))],
    }  # fmt: skip


def _discount(reference: Any) -> dict[str, Any]:  # noqa: ANN401
    shown = reference if isinstance(reference, dict) else {"id": reference}
    coupon = coupon_of(shown)
    return {
        "discount_id": shown["id"], "coupon_id": id_of(coupon),
        "coupon": coupon_terms(coupon) if isinstance(coupon, dict) else None,
        "starts_at": at_or_none(shown.get("start")), "ends_at": at_or_none(shown.get("end")),
    }  # fmt: skip


def coupon_of(discount: Shown) -> Any:  # noqa: ANN401
    """A discount's coupon, as its id or whole."""
    return (discount.get("source") or {}).get("coupon") or discount.get("coupon")


def coupon_terms(coupon: Shown) -> dict[str, Any] | None:
    """What it takes off; None when only its id is shown, as for one that is gone."""
    if not coupon.get("duration"):
        return None
    currency = coupon.get("currency")
    return {
        "coupon_id": coupon["id"], "percent_off": _decimal(coupon.get("percent_off")),
        "amount_off_minor": coupon.get("amount_off"), "amount_off_currency": currency.upper() if currency else None,
        "duration": coupon["duration"],
    }  # fmt: skip


def _decimal(number: Any) -> str | None:  # noqa: ANN401
    return None if number is None else f"{Decimal(str(number)):f}"
