"""Invoices: drafts and their lines, sums with discounts and taxes, numbers, and the ways in which they end."""

from infra.local.stripe import ids, intents, money
from infra.local.stripe.blanks import blank, list_of
from infra.local.stripe.errors import invalid
from infra.local.stripe.unit import Obj, Unit

HOUR = 3_600
HOSTED = "https://invoice.example.com/i/"


def draft(unit: Unit, customer: Obj, currency: str, *, reason: str = "manual", sub: Obj | None = None, **fields: object) -> Obj:
    """A draft without lines, not told yet."""
    id = ids.new("in")
    made = blank("invoice", id=id, billing_reason=reason, created=unit.now, currency=currency, customer=customer["id"])
    made |= {
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "lines": list_of(f"/v1/invoices/{id}/lines", [], total=True),
        "period_end": unit.now,
        "period_start": unit.now,
        "test_clock": customer["test_clock"],
    }
    if sub:
        told = {"metadata": dict(sub["metadata"]), "subscription": sub["id"]}
        made["parent"] = {"quote_details": None, "subscription_details": told, "type": "subscription_details"}
        made |= {name: sub[name] for name in ("collection_method", "discounts", "default_tax_rates")}
        made["auto_advance"] = True
        made["due_date"] = unit.now + sub["days_until_due"] * money.DAY if sub["days_until_due"] else None
    return unit.add(made | fields)


def line_of_item(unit: Unit, inv: Obj, item: Obj, *, free: bool = False) -> Obj:
    """A line for a period of a subscription's item; metered use is not simulated and counts as none."""
    price, quantity = item["price"], item.get("quantity", 0)
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": item["subscription"],
        "subscription_item": item["id"],
    }
    parent = {"invoice_item_details": None, "subscription_item_details": details, "type": "subscription_item_details"}
    period = {"end": item["current_period_end"], "start": item["current_period_start"]}
    product = unit.get("product", price["product"])
    text = "Trial period for" if free else f"{quantity} ×"
    amount = 0 if free else (price["unit_amount"] or 0) * quantity
    return _line(inv, price, quantity, amount, period) | {
        "description": f"{text} {product['name'] if product else price['product']}",
        "discountable": True,
        "parent": parent,
        "subscription": item["subscription"],
    }


def line_of_invoiceitem(inv: Obj, item: Obj) -> Obj:
    parent = item["parent"] or {}
    sub = (parent.get("subscription_details") or {}).get("subscription")
    details = {"invoice_item": item["id"], "proration": item["proration"], "proration_details": {"credited_items": None}}
    made = _line(inv, None, item["quantity"], item["amount"], dict(item["period"]))
    return made | {
        "description": item["description"],
        "discountable": item["discountable"],
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": details | {"subscription": sub},
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "pricing": item["pricing"],
        "subscription": sub,
    }


def _line(inv: Obj, price: Obj | None, quantity: int, amount: int, period: Obj) -> Obj:
    made = blank("line_item", id=ids.new("il"), amount=amount, currency=inv["currency"], invoice=inv["id"], subtotal=amount)
    made |= {"period": period, "quantity": quantity, "quantity_decimal": str(quantity)}
    if price:
        told = {"price": price["id"], "product": price["product"]}
        made["pricing"] = {"price_details": told, "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"]}
    return made


def take_items(unit: Unit, inv: Obj, items: list[Obj]) -> None:
    """Put invoice items on a draft."""
    for item in items:
        inv["lines"]["data"].append(line_of_invoiceitem(inv, item))
        unit.change(item, invoice=inv["id"])
    total(unit, inv)


def pending_items(unit: Unit, customer: str, currency: str, sub: str | None = None) -> list[Obj]:
    """What waits for this customer's next invoice; that of a subscription only for the subscription's."""
    found = []
    for item in unit.find("invoiceitem", customer=customer):
        of = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
        if item["invoice"] is None and item["currency"] == currency and of in (None, sub):
            found.append(item)
    return found


def total(unit: Unit, inv: Obj) -> Obj:
    """Add a draft up: lines, discounts, exclusive taxes, then what is due."""
    lines = inv["lines"]["data"]
    inv["lines"]["total_count"] = len(lines)
    rates = inv["default_tax_rates"] or []
    discount = next((one for one in (unit.get("discount", id) for id in inv["discounts"]) if one), None)
    coupon = unit.get("coupon", discount["source"]["coupon"]) if discount else None
    off_total, taxes = 0, [0 for _ in rates]
    for line in lines:
        off = _off(line, coupon, inv["currency"]) if coupon and line["discountable"] else 0
        line["discount_amounts"] = [{"amount": off, "discount": discount["id"]}] if discount and off else []
        base = line["amount"] - off
        line["taxes"] = [_tax(rate, base) for rate in rates]
        off_total += off
        taxes = [so_far + tax["amount"] for so_far, tax in zip(taxes, line["taxes"], strict=True)]
    subtotal = sum(line["amount"] for line in lines)
    net = subtotal - off_total
    whole = net + sum(taxes)
    inv |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": whole,
        "total_excluding_tax": net,
        "amount_due": max(whole, 0),
        "amount_remaining": max(whole, 0),
        "total_discount_amounts": [{"amount": off_total, "discount": discount["id"]}] if discount else [],
        "total_taxes": [_tax(rate, net) | {"amount": tax} for rate, tax in zip(rates, taxes, strict=True)],
    }
    unit.touch(inv)
    return inv


def _off(line: Obj, coupon: Obj, currency: str) -> int:
    if coupon["percent_off"]:
        return round(int(line["amount"]) * float(coupon["percent_off"]) / 100)
    return min(int(coupon["amount_off"]), int(line["amount"])) if coupon["currency"] == currency else 0


def _tax(rate: Obj, base: int) -> Obj:
    return {
        "amount": round(base * rate["percentage"] / 100),
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "standard_rated",
        "taxable_amount": base,
        "type": "tax_rate_details",
    }


def finalize(unit: Unit, inv: Obj) -> Obj:
    """Number a draft, make it payable, and open the payment that is to pay it; one without an amount is paid at once.

    Raises:
        StripeError: not a draft.
    """
    if inv["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", None, "invoice_not_editable"
        )
    customer = unit.need("customer", inv["customer"])
    number = customer["next_invoice_sequence"]
    unit.change(customer, next_invoice_sequence=number + 1)
    unit.change(
        inv,
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
        effective_at=inv["effective_at"] or unit.now,
        automatically_finalizes_at=None,
        ending_balance=0,
        hosted_invoice_url=f"{HOSTED}{inv['id']}",
        invoice_pdf=f"{HOSTED}{inv['id']}/pdf",
        next_payment_attempt=None,
        status_transitions=at(inv, "finalized_at", unit.now),
        webhooks_delivered_at=unit.now,
    )
    if customer["currency"] is None:
        unit.change(customer, "customer.updated", currency=inv["currency"])
    unit.emit("invoice.finalized", inv)
    if inv["amount_due"] == 0:
        mark_paid(unit, inv, None)
        return inv
    text = "Subscription update" if inv["parent"] else f"Payment for Invoice {inv['number']}"
    later = {"setup_future_usage": "off_session"} if inv["parent"] else {}
    order = {"customer_reference": None, "order_reference": inv["id"]}
    told = {"description": text, "payment_details": order, **later}
    pi = intents.open_payment(unit, inv["amount_due"], inv["currency"], inv["customer"], **told)
    paid_by = {"payment_intent": pi["id"], "type": "payment_intent"}
    payment = blank("invoice_payment", id=ids.new("inpay"), amount_requested=inv["amount_due"], created=unit.now, payment=paid_by)
    unit.add(payment | {"currency": inv["currency"], "invoice": inv["id"]})
    if inv["due_date"]:
        unit.at(inv["due_date"] - 3 * money.DAY, "tell_if_open", inv["id"], "invoice.will_be_due")
        unit.at(inv["due_date"] + 60, "tell_if_open", inv["id"], "invoice.overdue")
    return inv


def at(inv: Obj, name: str, second: int) -> Obj:
    transitions: Obj = inv["status_transitions"] | {name: second}
    return transitions


def payment_of(unit: Unit, inv: Obj) -> tuple[Obj, Obj] | None:
    """The invoice's payment and its intent; None when nothing was due."""
    for payment in reversed(unit.find("invoice_payment", invoice=inv["id"])):
        pi = unit.get("payment_intent", payment["payment"].get("payment_intent"))
        if pi:
            return payment, pi
    return None


def mark_paid(unit: Unit, inv: Obj, payment: Obj | None, *, elsewhere: bool = False, attempts: int | None = None) -> None:
    """It is paid: by a payment here (the number of attempts then is `attempts`), elsewhere, or because nothing was due."""
    amount = inv["amount_remaining"]
    if payment:
        done = payment["status_transitions"] | {"paid_at": unit.now}
        unit.change(payment, amount_paid=amount, status="paid", status_transitions=done)
        unit.emit("invoice_payment.paid", payment)
    fields = {
        "status": "paid",
        "amount_paid": inv["amount_paid"] + amount,
        "amount_remaining": 0,
        "attempted": True,
        "attempt_count": inv["attempt_count"] if attempts is None else attempts,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": at(inv, "paid_at", unit.now),
    }
    if elsewhere:
        fields["amount_paid_off_stripe"] = amount
    unit.change(inv, "invoice.updated", **fields)
    unit.emit("invoice.paid", inv)
    unit.emit("invoice.payment_succeeded", inv)


def end(unit: Unit, inv: Obj, status: str, transition: str) -> Obj:
    """Void it or give it up as uncollectible; the payment that waited is canceled.

    Raises:
        StripeError: it is a draft, paid or void.
    """
    if inv["status"] not in ("open", "uncollectible") or inv["status"] == status:
        word = {"void": "voided", "uncollectible": "marked as uncollectible"}[status]
        raise invalid(f"This invoice can't be {word} because its status is {inv['status']}.", None, "invoice_not_editable")
    unit.change(
        inv,
        "invoice.updated",
        status=status,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions=at(inv, transition, unit.now),
    )
    unit.emit({"void": "invoice.voided", "uncollectible": "invoice.marked_uncollectible"}[status], inv)
    found = payment_of(unit, inv)
    if status == "void" and found and found[1]["status"] in intents.CANCELABLE:
        intents.cancel(unit, found[1], "void_invoice")
        done = found[0]["status_transitions"] | {"canceled_at": unit.now}
        unit.change(found[0], status="canceled", status_transitions=done)
    return inv
