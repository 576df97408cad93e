"""Invoices and invoice items."""

import copy

from infra.local.stripe import collecting, ids, intents, invoicing, methods, money, renewing
from infra.local.stripe.api.catalog import price_of
from infra.local.stripe.api.fields import Params, with_metadata
from infra.local.stripe.blanks import blank
from infra.local.stripe.errors import card_error, invalid, missing_param
from infra.local.stripe.routing import route
from infra.local.stripe.unit import Obj, Unit, changed

PLAIN = "description footer statement_descriptor default_payment_method"
TAKES = f"{PLAIN} auto_advance collection_method days_until_due due_date metadata default_tax_rates"
BEGIN = f"{TAKES} customer currency subscription pending_invoice_items_behavior effective_at"


@route("POST", "/v1/invoices", "InvoiceCreateParams", takes=BEGIN, needs="invoice")
def create(unit: Unit, params: Params) -> Obj:
    if "customer" not in params:
        raise missing_param("customer")
    customer = unit.need("customer", params["customer"], "customer")
    unit.follow(customer)
    sub = unit.need("subscription", params["subscription"], "subscription") if params.get("subscription") else None
    currency = params.get("currency") or (sub or customer)["currency"] or "usd"
    made = invoicing.draft(unit, customer, currency.lower(), sub=sub)
    made |= {"auto_advance": False, "effective_at": params.get("effective_at")}
    made |= _fields(unit, made, params)
    if params.get("pending_invoice_items_behavior") == "include" or sub:
        invoicing.take_items(unit, made, invoicing.pending_items(unit, customer["id"], currency, sub["id"] if sub else None))
    invoicing.total(unit, made)
    unit.emit("invoice.created", made)
    if made["auto_advance"]:
        unit.change(made, automatically_finalizes_at=unit.now + invoicing.HOUR)
        unit.later(invoicing.HOUR, "bill", made["id"])
    return made


def _fields(unit: Unit, inv: Obj, params: Params) -> Params:
    told = with_metadata(inv, params, f"{PLAIN} auto_advance collection_method due_date")
    if params.get("default_payment_method"):
        methods.resolve(unit, params["default_payment_method"], "default_payment_method")
    if "days_until_due" in params:
        told["due_date"] = unit.now + params["days_until_due"] * money.DAY
    if told.get("collection_method") == "send_invoice" and not (told.get("due_date") or inv["due_date"]):
        raise missing_param("days_until_due")
    if "default_tax_rates" in params:
        told["default_tax_rates"] = [unit.need("tax_rate", id, "default_tax_rates") for id in params["default_tax_rates"] or []]
    return told


@route("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams", takes="subscription customer", needs="invoice")
def create_preview(unit: Unit, params: Params) -> Obj:
    """What the next renewal of a subscription will be."""
    if "subscription" not in params:
        raise missing_param("subscription")
    sub = unit.need("subscription", params["subscription"], "subscription")
    unit.follow(sub)
    if sub["status"] in renewing.OVER:
        raise invalid("No upcoming invoices for customer", None, "invoice_upcoming_none")
    made = renewing.preview(unit, unit.need("customer", sub["customer"]), sub)
    unit.remove(made)
    return made


@route("POST", "/v1/invoices/{id}", "InvoiceUpdateParams", takes=TAKES, needs="invoice")
def update(unit: Unit, params: Params, id: str) -> Obj:
    inv = unit.need("invoice", id)
    unit.follow(inv)
    if inv["status"] != "draft" and params.keys() - {
        "metadata",
        "auto_advance",
        "default_payment_method",
        "expand",
        "description",
    }:
        raise invalid("Finalized invoices can't be updated in this way", None, "invoice_not_editable")
    unit.change(inv, "invoice.updated", **_fields(unit, inv, params))
    return invoicing.total(unit, inv) if inv["status"] == "draft" else inv


@route("DELETE", "/v1/invoices/{id}", needs="invoice")
def delete(unit: Unit, params: Params, id: str) -> Obj:
    inv = unit.need("invoice", id)
    if inv["status"] != "draft":
        raise invalid("You can only delete draft invoices.", None, "invoice_not_editable")
    for item in unit.find("invoiceitem", invoice=id):
        unit.change(item, invoice=None)
    unit.emit("invoice.deleted", inv)
    unit.remove(inv)
    return {"id": id, "object": "invoice", "deleted": True}


@route("POST", "/v1/invoices/{id}/finalize", "InvoiceFinalizeInvoiceParams", takes="auto_advance", needs="invoice")
def finalize(unit: Unit, params: Params, id: str) -> Obj:
    inv = unit.need("invoice", id)
    unit.follow(inv)
    if "auto_advance" in params:
        unit.change(inv, auto_advance=params["auto_advance"])
    invoicing.finalize(unit, inv)
    if inv["status"] == "open" and inv["auto_advance"]:
        if inv["collection_method"] == "charge_automatically":
            collecting.attempt(unit, inv, collecting.method_of(unit, inv))
        else:
            unit.emit("invoice.sent", inv)
    return inv


@route(
    "POST",
    "/v1/invoices/{id}/pay",
    "InvoicePayParams",
    takes="payment_method paid_out_of_band off_session forgive",
    needs="invoice",
)
def pay(unit: Unit, params: Params, id: str) -> Obj:
    """Collect now, with another payment method if one is named; a draft is finalized first."""
    inv = unit.need("invoice", id)
    unit.follow(inv)
    if inv["status"] == "draft":
        invoicing.finalize(unit, inv)
    if inv["status"] == "paid":
        raise invalid("Invoice is already paid", None, "invoice_already_paid")
    if inv["status"] == "void":
        raise invalid("This invoice can't be paid because it is void.", None, "invoice_not_editable")
    if params.get("paid_out_of_band"):
        return _paid_elsewhere(unit, inv)
    pm = methods.resolve(unit, params["payment_method"]) if params.get("payment_method") else collecting.method_of(unit, inv)
    if pm is None:
        message = "There is no `default_payment_method` set on this Customer or Invoice. Please set a `default_payment_method`"
        raise invalid(f"{message} and try again.", None, "invoice_payment_intent_requires_action")
    if pm["customer"] not in (None, inv["customer"]):
        raise invalid("The provided PaymentMethod belongs to another Customer.", "payment_method")
    status = collecting.attempt(unit, inv, pm, off_session=params.get("off_session", True), automatic=False)
    found = invoicing.payment_of(unit, inv)
    if status != "succeeded" and found:
        error = found[1]["last_payment_error"] or {"code": "invoice_payment_intent_requires_action", "message": NEEDS_ACTION}
        raise card_error(error, charge=error.get("charge"), payment_intent=found[1], payment_method=error.get("payment_method"))
    return inv


NEEDS_ACTION = "This payment requires additional user action before it can be completed successfully."


def _paid_elsewhere(unit: Unit, inv: Obj) -> Obj:
    found = invoicing.payment_of(unit, inv)
    if found and found[1]["status"] != "succeeded":
        intents.cancel(unit, found[1], "void_invoice")
        unit.change(found[0], status="canceled", status_transitions=found[0]["status_transitions"] | {"canceled_at": unit.now})
    invoicing.mark_paid(unit, inv, None, elsewhere=True)
    collecting.settle(unit, inv)
    return inv


@route("POST", "/v1/invoices/{id}/void", "InvoiceVoidInvoiceParams", needs="invoice")
def void(unit: Unit, params: Params, id: str) -> Obj:
    return _end(unit, id, "void", "voided_at")


@route("POST", "/v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams", needs="invoice")
def mark_uncollectible(unit: Unit, params: Params, id: str) -> Obj:
    return _end(unit, id, "uncollectible", "marked_uncollectible_at")


def _end(unit: Unit, id: str, status: str, transition: str) -> Obj:
    inv = unit.need("invoice", id)
    unit.follow(inv)
    return invoicing.end(unit, inv, status, transition)


@route("POST", "/v1/invoices/{id}/send", "InvoiceSendInvoiceParams", needs="invoice")
def send(unit: Unit, params: Params, id: str) -> Obj:
    inv = unit.need("invoice", id)
    unit.follow(inv)
    if inv["collection_method"] != "send_invoice":
        raise invalid("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if inv["status"] == "draft":
        invoicing.finalize(unit, inv)
    unit.emit("invoice.sent", inv)
    return inv


ITEM = "amount currency description discountable metadata period quantity price_data pricing"


@route(
    "POST",
    "/v1/invoiceitems",
    "InvoiceItemCreateParams",
    takes=f"{ITEM} customer invoice subscription unit_amount_decimal",
    needs="invoice",
)
def create_item(unit: Unit, params: Params) -> Obj:
    if "customer" not in params:
        raise missing_param("customer")
    customer = unit.need("customer", params["customer"], "customer")
    unit.follow(customer)
    inv = unit.need("invoice", params["invoice"], "invoice") if params.get("invoice") else None
    if inv and inv["status"] != "draft":
        raise invalid("The specified invoice is already finalized and can't be changed.", "invoice", "invoice_not_editable")
    made = blank("invoiceitem", id=ids.new("ii"), customer=customer["id"], date=unit.now, test_clock=customer["test_clock"])
    made |= {"discountable": True, "period": params.get("period") or {"end": unit.now, "start": unit.now}}
    if params.get("subscription"):
        told = {"subscription": params["subscription"], "subscription_item": None}
        made["parent"] = {"subscription_details": told, "type": "subscription_details"}
    made |= _amounts(unit, customer, params) | with_metadata(made, params, "description discountable")
    unit.add(made)
    unit.emit("invoiceitem.created", made)
    if inv:
        before = copy.deepcopy(inv)
        invoicing.take_items(unit, inv, [made])
        unit.emit("invoice.updated", inv, changed(before, inv))
    return made


def _amounts(unit: Unit, customer: Obj, params: Params) -> Params:
    """What an item costs: an amount, or a price and how many of it."""
    quantity = params.get("quantity", 1)
    named = (params.get("pricing") or {}).get("price")
    if not (named or "price_data" in params):
        if "amount" not in params:
            raise missing_param("amount")
        told = {
            "amount": params["amount"],
            "net_amount": params["amount"],
            "quantity": quantity,
            "quantity_decimal": str(quantity),
        }
        return told | {"currency": (params.get("currency") or customer["currency"] or "usd").lower()}
    price = price_of(unit, {"price": named, "price_data": params.get("price_data")}, "pricing[price]")
    if price["recurring"]:
        raise invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.", "price"
        )
    amount = (price["unit_amount"] or 0) * quantity
    product = unit.get("product", price["product"])
    shown = {"price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details"}
    return {
        "amount": amount,
        "net_amount": amount,
        "currency": price["currency"],
        "description": product and product["name"],
        "pricing": shown | {"unit_amount_decimal": price["unit_amount_decimal"]},
        "quantity": quantity,
        "quantity_decimal": str(quantity),
    }


@route("POST", "/v1/invoiceitems/{id}", "InvoiceItemUpdateParams", takes="amount description metadata", needs="invoice")
def update_item(unit: Unit, params: Params, id: str) -> Obj:
    item = unit.need("invoiceitem", id)
    told = with_metadata(item, params, "description amount")
    unit.change(item, **told, net_amount=told.get("amount", item["net_amount"]))
    _redraw(unit, item)
    return item


@route("DELETE", "/v1/invoiceitems/{id}", needs="invoice")
def delete_item(unit: Unit, params: Params, id: str) -> Obj:
    item = unit.need("invoiceitem", id)
    unit.emit("invoiceitem.deleted", item)
    _redraw(unit, item, gone=True)
    unit.remove(item)
    return {"id": id, "object": "invoiceitem", "deleted": True}


def _redraw(unit: Unit, item: Obj, *, gone: bool = False) -> None:
    """Bring a draft's line for an item up to date."""
    inv = unit.get("invoice", item["invoice"])
    if inv is None:
        return
    if inv["status"] != "draft":
        raise invalid("This invoice is no longer editable.", None, "invoice_not_editable")
    others = [
        line for line in inv["lines"]["data"] if (line["parent"]["invoice_item_details"] or {}).get("invoice_item") != item["id"]
    ]
    inv["lines"]["data"] = others + ([] if gone else [invoicing.line_of_invoiceitem(inv, item)])
    invoicing.total(unit, inv)
