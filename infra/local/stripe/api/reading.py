"""What can be read: every type's list, object, search, and the lists that belong to an object."""

from dataclasses import dataclass, field
from typing import Any

from infra.local.stripe.errors import no_such
from infra.local.stripe.listing import MOST, Page, page
from infra.local.stripe.params import PAGE, filters
from infra.local.stripe.routing import PLACES, Params, route
from infra.local.stripe.searching import FIELDS, search
from infra.local.stripe.store import encode
from infra.local.stripe.unit import Obj, Unit

NOT_FILTERED = {"customer_account", "automatic_tax", "payment_link", "meter", "category"}
EVENTS_S = 30 * 86_400


@dataclass(frozen=True)
class Readable:
    """A type under a path. `kind` is the SDK's list type; None where Stripe has no list. `needs` is the permission."""

    object: str
    path: str
    kind: str | None
    needs: str
    also: dict[str, Any] = field(default_factory=dict)


TYPES = (
    Readable("application_fee", "application_fees", "ApplicationFeeListParams", "application_fee"),
    Readable("balance_transaction", "balance_transactions", "BalanceTransactionListParams", "balance_transaction_source"),
    Readable("charge", "charges", "ChargeListParams", "charge"),
    Readable("checkout.session", "checkout/sessions", "checkout.SessionListParams", "checkout_session"),
    Readable("coupon", "coupons", "CouponListParams", "coupon"),
    Readable("credit_note", "credit_notes", "CreditNoteListParams", "credit_note"),
    Readable("customer", "customers", "CustomerListParams", "customer"),
    Readable("dispute", "disputes", "DisputeListParams", "dispute"),
    Readable("invoice", "invoices", "InvoiceListParams", "invoice"),
    Readable("invoice_payment", "invoice_payments", "InvoicePaymentListParams", "invoice"),
    Readable("invoiceitem", "invoiceitems", "InvoiceItemListParams", "invoice"),
    Readable("mandate", "mandates", None, "payment_method"),
    Readable("payment_intent", "payment_intents", "PaymentIntentListParams", "payment_intent"),
    Readable("payment_method", "payment_methods", "PaymentMethodListParams", "payment_method"),
    Readable("payout", "payouts", "PayoutListParams", "payout"),
    Readable("plan", "plans", "PlanListParams", "plan"),
    Readable("price", "prices", "PriceListParams", "plan"),
    Readable("product", "products", "ProductListParams", "product"),
    Readable("promotion_code", "promotion_codes", "PromotionCodeListParams", "promotion_code"),
    Readable("quote", "quotes", "QuoteListParams", "quote"),
    Readable("radar.early_fraud_warning", "radar/early_fraud_warnings", "radar.EarlyFraudWarningListParams", "charge"),
    Readable("refund", "refunds", "RefundListParams", "charge"),
    Readable("review", "reviews", "ReviewListParams", "review"),
    Readable("setup_intent", "setup_intents", "SetupIntentListParams", "setup_intent"),
    Readable("subscription", "subscriptions", "SubscriptionListParams", "subscription"),
    Readable("subscription_schedule", "subscription_schedules", "SubscriptionScheduleListParams", "subscription"),
    Readable("tax_id", "tax_ids", "TaxIdListParams", "customer"),
    Readable("tax_rate", "tax_rates", "TaxRateListParams", "tax_rate"),
    Readable("test_helpers.test_clock", "test_helpers/test_clocks", "test_helpers.TestClockListParams", "billing_clock"),
    Readable("topup", "topups", "TopupListParams", "top_up"),
    Readable("transfer", "transfers", "TransferListParams", "transfer"),
    Readable("webhook_endpoint", "webhook_endpoints", "WebhookEndpointListParams", "webhook"),
)
OWNED = (
    ("customers", "customer", "payment_methods", "payment_method", "CustomerPaymentMethodListParams", "payment_method"),
    ("customers", "customer", "subscriptions", "subscription", "SubscriptionListParams", "subscription"),
    ("customers", "customer", "tax_ids", "tax_id", "CustomerTaxIdListParams", "customer"),
    ("charges", "charge", "refunds", "refund", "RefundListParams", "charge"),
    ("accounts", "account", "capabilities", "capability", "AccountCapabilityListParams", "connected_account"),
    ("accounts", "account", "persons", "person", "AccountPersonListParams", "connected_account"),
    ("application_fees", "application_fee", "refunds", "fee_refund", "ApplicationFeeRefundListParams", "application_fee"),
    ("customers", "customer", "balance_transactions", "customer_balance_transaction",
     "CustomerBalanceTransactionListParams", "customer"),
    ("customers", "customer", "cash_balance_transactions", "customer_cash_balance_transaction",
     "CustomerCashBalanceTransactionListParams", "customer"),
    ("customers", "customer", "sources", "source", "CustomerPaymentSourceListParams", "customer"),
    ("products", "product", "features", "product_feature", "ProductFeatureListParams", "product"),
    ("transfers", "transfer", "reversals", "transfer_reversal", "TransferReversalListParams", "transfer"),
    ("accounts", "account", "external_accounts", "bank_account", "AccountExternalAccountListParams", "connected_account"),
)  # fmt: skip
"""(path, type) of an owner, (path, type) of what it owns, the SDK's type, the permission."""


def encoded(unit: Unit, kind: str, id: str) -> bytes:
    """An object as it is kept.

    Raises:
        StripeError: there is none.
    """
    row = unit.store.shelf(unit.home(kind), kind).rows.get(id)
    if row is None:
        raise no_such(kind, id)
    return row.body


def takes(kind: str) -> str:
    return " ".join((filters(kind) - NOT_FILTERED) | PAGE)


def serve(one: Readable) -> None:
    """Answer the list, the objects and the search of a type."""
    path = f"/v1/{one.path}"
    PLACES[one.object] = one.path

    def retrieve(unit: Unit, params: Params, id: str) -> bytes:
        return encoded(unit, one.object, id)

    def listed(unit: Unit, params: Params) -> Page:
        return page(unit.store.shelf(unit.home(one.object), one.object), params, path)

    def searched(unit: Unit, params: Params) -> Page:
        return search(unit.store.shelf(unit.home(one.object), one.object), params, f"{path}/search")

    route("GET", path + "/{id}", needs=one.needs)(retrieve)
    if one.kind:
        route("GET", path, one.kind, takes=takes(one.kind), needs=one.needs)(listed)
    if one.object in FIELDS:
        name = "".join(part.title() for part in one.object.split("_"))
        route("GET", f"{path}/search", f"{name}SearchParams", takes="query limit page", needs=one.needs)(searched)


def _serve_owned(owner: tuple[str, str], owned: tuple[str, str], kind: str, needs: str) -> None:
    def listed(unit: Unit, params: Params, id: str) -> Page:
        unit.need(owner[1], id)
        base = {owner[1]: id}
        of = params.get("object", owned[1])
        rest = {name: value for name, value in params.items() if name != "object"}
        return page(unit.store.shelf(unit.home(of), of), rest, f"/v1/{owner[0]}/{id}/{owned[0]}", base)

    def retrieve(unit: Unit, params: Params, id: str, inner: str) -> bytes:
        row = unit.store.shelf(unit.home(owned[1]), owned[1]).rows.get(inner)
        if row is None or row.facts.get(owner[1]) != id:
            raise no_such(owned[1], inner)
        return row.body

    route("GET", f"/v1/{owner[0]}/{{id}}/{owned[0]}", kind, takes=takes(kind) + " object", needs=needs)(listed)
    route("GET", f"/v1/{owner[0]}/{{id}}/{owned[0]}/{{inner}}", needs=needs)(retrieve)


for _one in TYPES:
    serve(_one)
for _owner, _owner_type, _path, _type, _kind, _needs in OWNED:
    _serve_owned((_owner, _owner_type), (_path, _type), _kind, _needs)


def within(items: list[Obj], params: Params, url: str) -> Page:
    """A page of a list that is kept inside an object, in its own order."""
    limit = int(params.get("limit", 10))
    ids = [str(item["id"]) for item in items]
    start = ids.index(params["starting_after"]) + 1 if params.get("starting_after") in ids else 0
    stop = min(start + min(limit, MOST), len(items))
    if params.get("ending_before") in ids:
        stop = ids.index(params["ending_before"])
        start = max(stop - limit, 0)
    rows = [encode(item) for item in items[start:stop]]
    more = start > 0 if params.get("ending_before") in ids else stop < len(items)
    return Page(rows, more, url)


@route("GET", "/v1/invoices/{id}/lines", "InvoiceLineItemListParams", takes="limit starting_after ending_before", needs="invoice")
def invoice_lines(unit: Unit, params: Params, id: str) -> Page:
    return within(unit.need("invoice", id)["lines"]["data"], params, f"/v1/invoices/{id}/lines")


@route(
    "GET",
    "/v1/credit_notes/{id}/lines",
    "CreditNoteLineItemListParams",
    takes="limit starting_after ending_before",
    needs="credit_note",
)
def credit_note_lines(unit: Unit, params: Params, id: str) -> Page:
    return within(unit.need("credit_note", id)["lines"]["data"], params, f"/v1/credit_notes/{id}/lines")


@route("GET", "/v1/checkout/sessions/{id}/line_items", "checkout.SessionListLineItemsParams",
       takes="limit starting_after ending_before", needs="checkout_session")  # fmt: skip
def session_lines(unit: Unit, params: Params, id: str) -> Page:
    unit.need("checkout.session", id)
    hidden = unit.get("_session", id) or {"line_items": []}
    return within(hidden["line_items"], params, f"/v1/checkout/sessions/{id}/line_items")


@route("GET", "/v1/subscription_items", "SubscriptionItemListParams",
       takes="subscription limit starting_after ending_before", needs="subscription")  # fmt: skip
def subscription_items(unit: Unit, params: Params) -> Page:
    sub = unit.need("subscription", params["subscription"], "subscription")
    return within(sub["items"]["data"], params, f"/v1/subscription_items?subscription={sub['id']}")


@route("GET", "/v1/subscription_items/{id}", needs="subscription")
def subscription_item(unit: Unit, params: Params, id: str) -> Obj:
    for sub in unit.find("subscription"):
        for item in sub["items"]["data"]:
            if item["id"] == id:
                found: Obj = item
                return found
    raise no_such("subscription_item", id)


@route("GET", "/v1/events", "EventListParams",
       takes="created type types delivery_success limit starting_after ending_before", needs="event")  # fmt: skip
def events(unit: Unit, params: Params) -> Page:
    """The last 30 days; `delivery_success=false` are those that an endpoint has not taken."""
    created = params.get("created") or {}
    bounds = {"gte": created, "lte": created} if isinstance(created, int) else dict(created)
    bounds["gte"] = max(bounds.get("gte", 0), unit.now - EVENTS_S)
    shelf = unit.store.shelf(unit.account, "event")
    wanted = params.get("delivery_success")
    if wanted is None:
        return page(shelf, params | {"created": bounds}, "/v1/events")
    failed = unit.store.undelivered(unit.account)
    return page(shelf, params | {"created": bounds}, "/v1/events", test=lambda row: (row.key[2] not in failed) == wanted)


@route("GET", "/v1/events/{id}", needs="event")
def event(unit: Unit, params: Params, id: str) -> bytes:
    row = unit.store.shelf(unit.account, "event").rows.get(id)
    if row is None or row.key[0] < unit.now - EVENTS_S:
        raise no_such("event", id)
    return row.body
