"""Getting invoices paid: attempts, smart retries, and what the last failure means for the subscription."""

from infra.local.stripe import cards, intents, invoicing, methods, money
from infra.local.stripe.unit import Obj, Unit
from infra.local.stripe.world import action

OWING = ("past_due", "unpaid", "incomplete")


def subscription_of(unit: Unit, inv: Obj) -> Obj | None:
    parent = inv["parent"] or {}
    return unit.get("subscription", (parent.get("subscription_details") or {}).get("subscription"))


def method_of(unit: Unit, inv: Obj) -> Obj | None:
    """What an invoice is paid with when nobody says."""
    customer = unit.need("customer", inv["customer"])
    sub = subscription_of(unit, inv)
    return methods.default_of(unit, customer, inv, *([sub] if sub else []))


def attempt(unit: Unit, inv: Obj, pm: Obj | None, *, off_session: bool = True, automatic: bool = True) -> str:
    """Try to collect an open invoice; returns the status of its payment, or `no_method`."""
    found = invoicing.payment_of(unit, inv)
    if found is None or pm is None:
        _failed(unit, inv, automatic)
        return "no_method"
    status = intents.pay(unit, found[1], pm, off_session=off_session)
    take_result(unit, inv, automatic=automatic)
    return status


def take_result(unit: Unit, inv: Obj, *, automatic: bool = False) -> None:
    """Let the invoice, its subscription and its customer follow what became of the payment."""
    found = invoicing.payment_of(unit, inv)
    if found is None or inv["status"] not in ("open", "uncollectible"):
        return
    payment, pi = found
    if pi["status"] == "succeeded":
        attempts = inv["attempt_count"] + 1 if automatic else max(inv["attempt_count"], 1)
        invoicing.mark_paid(unit, inv, payment, attempts=attempts)
        settle(unit, inv)
    elif pi["status"] == "requires_action":
        unit.change(inv, "invoice.updated", attempt_count=inv["attempt_count"] + 1, attempted=True)
        unit.emit("invoice.payment_action_required", inv)
    else:
        _failed(unit, inv, automatic)


def settle(unit: Unit, inv: Obj) -> None:
    """An invoice was paid: its subscription is active again, its customer owes no more."""
    sub = subscription_of(unit, inv)
    if sub and sub["status"] in OWING and sub["latest_invoice"] == inv["id"]:
        unit.change(sub, "customer.subscription.updated", status="active")
    customer = unit.need("customer", inv["customer"])
    owes = any(
        one["attempted"] and one["id"] != inv["id"] for one in unit.find("invoice", customer=customer["id"], status="open")
    )
    if customer["delinquent"] and not owes:
        unit.change(customer, "customer.updated", delinquent=False)


def _failed(unit: Unit, inv: Obj, automatic: bool) -> None:
    """Count an attempt that failed; by hand only the first one counts towards the schedule of retries."""
    first = inv["billing_reason"] == "subscription_create"
    if automatic or inv["attempt_count"] == 0:
        count = inv["attempt_count"] + 1
        again = None if first else _next(unit, inv, count)
        unit.change(inv, "invoice.updated", attempt_count=count, attempted=True, next_payment_attempt=again)
        if again:
            unit.at(again, "retry", inv["id"], count)
    unit.emit("invoice.payment_failed", inv)
    if first:
        return
    sub = subscription_of(unit, inv)
    if sub and sub["status"] in ("active", "trialing"):
        unit.change(sub, "customer.subscription.updated", status="past_due")
    customer = unit.need("customer", inv["customer"])
    if not customer["delinquent"]:
        unit.change(customer, "customer.updated", delinquent=True)
    if automatic and inv["next_payment_attempt"] is None:
        _give_up(unit, inv, sub)


def _next(unit: Unit, inv: Obj, count: int) -> int | None:
    days = unit.settings["retry_days"]
    going_on = inv["auto_advance"] and inv["collection_method"] == "charge_automatically" and inv["status"] == "open"
    return unit.now + int(days[count - 1] * money.DAY) if going_on and count <= len(days) else None


@action
def retry(unit: Unit, id: str, count: int) -> None:
    """The next smart retry, unless the invoice was paid, ended or tried since.

    After a hard decline the same card is not asked again: the retry is counted and put off.
    """
    inv = unit.get("invoice", id)
    if inv is None or inv["status"] != "open" or inv["attempt_count"] != count:
        return
    unit.follow(inv)
    if (unit.get("customer", inv["customer"]) or {"deleted": True}).get("deleted"):
        return
    pm = method_of(unit, inv)
    if pm and _is_hopeless(unit, inv, pm):
        again = _next(unit, inv, count + 1)
        unit.change(inv, "invoice.updated", attempt_count=count + 1, next_payment_attempt=again)
        if again:
            unit.at(again, "retry", id, count + 1)
        else:
            _give_up(unit, inv, subscription_of(unit, inv))
        return
    attempt(unit, inv, pm)


def _is_hopeless(unit: Unit, inv: Obj, pm: Obj) -> bool:
    found = invoicing.payment_of(unit, inv)
    error = (found[1]["last_payment_error"] if found else None) or {}
    same = (error.get("payment_method") or {}).get("id") == pm["id"]
    decline = cards.DECLINES.get(error.get("decline_code", ""))
    return same and decline is not None and decline.hard


def _give_up(unit: Unit, inv: Obj, sub: Obj | None) -> None:
    """No retry is left: the account's settings say what becomes of the subscription and of the invoice."""
    what = unit.settings["after_retries"]
    if sub and what == "cancel" and sub["status"] != "canceled":
        finish(unit, sub, "payment_failed")
    elif sub and what == "unpaid":
        unit.change(sub, "customer.subscription.updated", status="unpaid")
    if unit.settings["invoice_after_retries"] == "uncollectible" and inv["status"] == "open":
        invoicing.end(unit, inv, "uncollectible", "marked_uncollectible_at")
    elif inv["auto_advance"]:
        unit.change(inv, "invoice.updated", auto_advance=False)


def finish(unit: Unit, sub: Obj, reason: str | None, **details: object) -> Obj:
    """End a subscription now; drafts and open invoices are left, but no more collected by themselves."""
    told = sub["cancellation_details"] | ({"reason": reason} if reason else {}) | details
    unit.change(sub, status="canceled", ended_at=unit.now, canceled_at=sub["canceled_at"] or unit.now, cancellation_details=told)
    unit.emit("customer.subscription.deleted", sub)
    return sub


@action
def tell_if_open(unit: Unit, id: str, event: str) -> None:
    """`invoice.will_be_due` and `invoice.overdue`, for what is still open."""
    inv = unit.get("invoice", id)
    if inv and inv["status"] == "open":
        unit.emit(event, inv)


@action
def cancel_when_due(unit: Unit, id: str, at: int) -> None:
    """`cancel_at`, unless it was moved since."""
    sub = unit.get("subscription", id)
    if sub and sub["cancel_at"] == at and sub["status"] not in ("canceled", "incomplete_expired"):
        unit.follow(sub)
        finish(unit, sub, "cancellation_requested")
