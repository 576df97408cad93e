"""What time does to subscriptions: trials end, periods are renewed and billed, what was never paid expires."""

import copy

from infra.local.stripe import collecting, discounts, intents, invoicing, methods, money, periods
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import action

OVER = ("canceled", "incomplete_expired")


@action
def warn_of_trial_end(unit: Unit, id: str, end: int) -> None:
    """Three days before a trial ends."""
    sub = unit.get("subscription", id)
    if sub and sub["status"] == "trialing" and sub["trial_end"] == end:
        unit.emit("customer.subscription.trial_will_end", sub)


@action
def tell_upcoming(unit: Unit, id: str, end: int) -> None:
    """`invoice.upcoming`: the invoice that a renewal will make, which does not exist yet and never will under this id."""
    sub = unit.get("subscription", id)
    if not sub or sub["status"] not in ("active", "past_due") or _period_end(sub) != end or sub["cancel_at_period_end"]:
        return
    customer = unit.get("customer", sub["customer"])
    if customer is None or customer.get("deleted"):
        return
    inv = preview(unit, customer, sub)
    unit.emit("invoice.upcoming", inv)
    unit.remove(inv)


def preview(unit: Unit, customer: Obj, sub: Obj) -> Obj:
    """A draft of the next renewal; the caller must not keep it."""
    ahead = copy.deepcopy(sub)
    _move_on(ahead)
    inv = invoicing.draft(unit, customer, sub["currency"], reason="upcoming", sub=sub)
    unit.remove(inv)
    inv["id"] = f"upcoming_{inv['id']}"
    unit.add(inv)
    inv["lines"]["url"] = f"/v1/invoices/{inv['id']}/lines"
    inv["lines"]["data"] = [invoicing.line_of_item(unit, inv, item) for item in ahead["items"]["data"]]
    for item in invoicing.pending_items(unit, customer["id"], sub["currency"], sub["id"]):
        inv["lines"]["data"].append(invoicing.line_of_invoiceitem(inv, item))
    inv["next_payment_attempt"] = _period_end(sub) + invoicing.HOUR
    return invoicing.total(unit, inv)


@action
def renew(unit: Unit, id: str, end: int) -> None:
    """A period is over: the next one begins with a draft that is billed an hour later; or the subscription ends."""
    sub = unit.get("subscription", id)
    if not sub or sub["status"] in (*OVER, "incomplete", "paused") or _period_end(sub) != end:
        return
    unit.follow(sub)
    customer = unit.get("customer", sub["customer"])
    if customer is None or customer.get("deleted"):
        return
    if sub["cancel_at_period_end"] or (sub["cancel_at"] and sub["cancel_at"] <= unit.now):
        collecting.finish(unit, sub, "cancellation_requested")
        return
    if sub["status"] == "trialing" and not _goes_on(unit, sub, customer):
        return
    begin_period(unit, sub, customer)


def _goes_on(unit: Unit, sub: Obj, customer: Obj) -> bool:
    """Whether a trial turns into a paid period; without a payment method that is as its settings say."""
    what = sub["trial_settings"]["end_behavior"]["missing_payment_method"]
    if methods.default_of(unit, customer, sub) or sub["collection_method"] == "send_invoice" or what == "create_invoice":
        return True
    if what == "cancel":
        collecting.finish(unit, sub, None)
    else:
        unit.change(sub, status="paused")
        unit.emit("customer.subscription.paused", sub)
    return False


def begin_period(unit: Unit, sub: Obj, customer: Obj) -> None:
    """Move a subscription to its next period, with the invoice for it."""
    before = {"items": copy.deepcopy(sub["items"]), "latest_invoice": sub["latest_invoice"]}
    if sub["status"] == "trialing":
        before["status"] = "trialing"
        sub["status"] = "active"
    discounts.drop_spent(unit, sub)
    _move_on(sub)
    first = sub["items"]["data"][0]
    period = {"period_start": first["current_period_start"], "period_end": first["current_period_end"]}
    inv = invoicing.draft(unit, customer, sub["currency"], reason="subscription_cycle", sub=sub, **period)
    inv["lines"]["data"] = [invoicing.line_of_item(unit, inv, item) for item in sub["items"]["data"]]
    invoicing.take_items(unit, inv, invoicing.pending_items(unit, customer["id"], sub["currency"], sub["id"]))
    inv["automatically_finalizes_at"] = unit.now + invoicing.HOUR
    if sub["collection_method"] == "charge_automatically":
        inv["next_payment_attempt"] = unit.now + invoicing.HOUR
    pause = (sub["pause_collection"] or {}).get("behavior")
    if pause == "keep_as_draft" or sub["status"] == "unpaid":
        inv |= {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
    unit.emit("invoice.created", inv)
    unit.change(sub, latest_invoice=inv["id"])
    unit.emit("customer.subscription.updated", sub, before)
    if inv["auto_advance"]:
        unit.later(invoicing.HOUR, "bill", inv["id"])
    end = _period_end(sub)
    unit.at(end, "renew", sub["id"], end)
    if end - unit.now > (ahead := unit.settings["upcoming_days"] * money.DAY):
        unit.at(end - ahead, "tell_upcoming", sub["id"], end)


@action
def bill(unit: Unit, id: str) -> None:
    """An hour after a renewal: the draft becomes final and is collected, sent, or ended where collection is paused."""
    inv = unit.get("invoice", id)
    if inv is None or inv["status"] != "draft" or not inv["auto_advance"]:
        return
    unit.follow(inv)
    if (unit.get("customer", inv["customer"]) or {"deleted": True}).get("deleted"):
        return
    invoicing.finalize(unit, inv)
    if inv["status"] != "open":
        return
    sub = collecting.subscription_of(unit, inv)
    pause = ((sub or {}).get("pause_collection") or {}).get("behavior")
    if pause == "void":
        invoicing.end(unit, inv, "void", "voided_at")
    elif pause == "mark_uncollectible":
        invoicing.end(unit, inv, "uncollectible", "marked_uncollectible_at")
    elif inv["collection_method"] == "send_invoice":
        unit.emit("invoice.sent", inv)
    else:
        collecting.attempt(unit, inv, collecting.method_of(unit, inv))


@action
def expire_incomplete(unit: Unit, id: str) -> None:
    """A first invoice that nobody paid within 23 hours ends its subscription."""
    sub = unit.get("subscription", id)
    if not sub or sub["status"] != "incomplete":
        return
    unit.change(sub, "customer.subscription.updated", status="incomplete_expired", ended_at=unit.now, canceled_at=unit.now)
    inv = unit.get("invoice", sub["latest_invoice"])
    if inv and inv["status"] == "open":
        invoicing.end(unit, inv, "void", "voided_at")


@action
def end_pause(unit: Unit, id: str, at: int) -> None:
    """Collection goes on by itself where `resumes_at` said so."""
    sub = unit.get("subscription", id)
    if sub and (sub["pause_collection"] or {}).get("resumes_at") == at:
        unit.change(sub, "customer.subscription.updated", pause_collection=None)


def end_trial_now(unit: Unit, sub: Obj) -> None:
    """`trial_end=now`: the paid period begins, and its invoice is collected at once."""
    customer = unit.need("customer", sub["customer"])
    unit.change(sub, trial_end=unit.now, billing_cycle_anchor=unit.now)
    for item in sub["items"]["data"]:
        item["current_period_end"] = unit.now
    begin_period(unit, sub, customer)
    inv = unit.need("invoice", sub["latest_invoice"])
    bill(unit, inv["id"])


def authenticate(unit: Unit, pi: Obj, passed: bool) -> None:
    """The outcome of 3-D Secure for a payment that waits for it, and what follows for its invoice."""
    pm = unit.get("payment_method", pi["payment_method"])
    if passed and pm:
        intents.pay(unit, pi, pm, secured=True)
    else:
        intents.refuse_security(unit, pi)
    for payment in unit.find("invoice_payment", payment_intent=pi["id"]):
        inv = unit.need("invoice", payment["invoice"])
        unit.follow(inv)
        collecting.take_result(unit, inv)


def _move_on(sub: Obj) -> None:
    for item in sub["items"]["data"]:
        start = item["current_period_end"]
        item["current_period_start"] = start
        item["current_period_end"] = periods.after(start, item["price"]["recurring"], sub["billing_cycle_anchor"])


def _period_end(sub: Obj) -> int:
    return int(sub["items"]["data"][0]["current_period_end"])
