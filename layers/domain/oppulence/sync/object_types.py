"""Stripe's object types: where each is listed and fetched. One list for backfill, reconciler and refetching.

Not listed is what Stripe only lists by what nobody knows beforehand: secrets of apps (by scope), summaries of meters (by window),
owners of financial accounts, tax locations (by type), transactions of sources, lines of tax calculations and of payment intents.
Line items of payment links and quotes have the type of those of checkout sessions, which are the ones listed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Created = Literal["filter", "field", "none"]
"""How a range of `created` narrows a listing: Stripe filters, or only the objects say when they were made, or neither."""


@dataclass(frozen=True, slots=True)
class Parent:
    """What a listing goes through, one object after the other.

    Its id stands in the listing's path, or is the parameter named `parameter`. Where the parent shows its first children itself,
    in a list at `embedded`, only parents whose list has more are asked. `field` is where a child names its parent.
    """

    type: str
    field: str
    parameter: str = ""
    embedded: str = ""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One type. `path` is '' when Stripe has no list, `one` is '' when it cannot be fetched alone.

    `params` go with each page; `related` are fields that name objects of another type; a listing that is not `paged` comes
    whole.
    """

    name: str
    path: str
    one: str
    created: Created = "filter"
    parent: Parent | None = None
    params: tuple[tuple[str, str], ...] = ()
    related: tuple[tuple[str, str], ...] = ()
    paged: bool = True


CUSTOMER = ("customer", "customer")
PAYMENT = (("charge", "charge"), ("payment_intent", "payment_intent"))
BALANCE = ("balance_transaction", "balance_transaction")


def _of(names: str, created: Created = "filter", **paths: str) -> list[ObjectType]:
    """Types whose path is their name in the plural, below the name's first part; `paths` are the exceptions."""
    found = []
    for name in names.split():
        path = "/v1/" + paths.get(name.replace(".", "__"), f"{name.replace('.', '/', 1)}s")
        found.append(ObjectType(name, path, f"{path}/{{id}}", created))
    return found


def _under(name: str, path: str, parent: Parent, one: str | None = None, created: Created = "field") -> ObjectType:
    return ObjectType(name, path, f"{path}/{{id}}" if one is None else one, created, parent)


def _by(parent: str, field: str, names: str, created: Created = "field", **paths: str) -> list[ObjectType]:
    """Types whose list needs the id of a parent as a parameter, named as the field in which they carry it."""
    plain = _of(names, created, **paths)
    return [replace(one, parent=Parent(parent, field, parameter=field)) for one in plain]


def _with_related(types: Iterable[ObjectType]) -> Iterable[ObjectType]:
    for one in types:
        params, related = _PARAMS.get(one.name, ()), _RELATED.get(one.name, ())
        yield replace(one, params=params, related=related, paged=one.name not in _WHOLE)


_WHOLE = ("capability", "reporting.report_type")
_PARAMS = {
    "subscription": (("status", "all"),),
    "bank_account": (("object", "bank_account"),),
    "card": (("object", "card"),),
}
_RELATED: dict[str, tuple[tuple[str, str], ...]] = {
    "application_fee": (BALANCE, ("charge", "charge")),
    "balance_transaction": (),
    "charge": (CUSTOMER, BALANCE, ("payment_intent", "payment_intent"), ("invoice", "invoice")),
    "checkout.session": (
        CUSTOMER, ("payment_intent", "payment_intent"), ("subscription", "subscription"), ("invoice", "invoice"),
        ("setup_intent", "setup_intent"),
    ),
    "credit_note": (CUSTOMER, ("invoice", "invoice")),
    "dispute": PAYMENT,
    "invoice": (CUSTOMER, ("subscription", "subscription"), *PAYMENT),
    "invoice_payment": (("invoice", "invoice"),),
    "invoiceitem": (CUSTOMER, ("invoice", "invoice"), ("subscription", "subscription")),
    "payment_intent": (CUSTOMER, ("latest_charge", "charge"), ("payment_method", "payment_method"), ("invoice", "invoice")),
    "payout": (BALANCE,),
    "price": (("product", "product"),),
    "promotion_code": (CUSTOMER, ("coupon", "coupon")),
    "quote": (CUSTOMER, ("subscription", "subscription"), ("invoice", "invoice")),
    "radar.early_fraud_warning": PAYMENT,
    "refund": (BALANCE, *PAYMENT),
    "review": PAYMENT,
    "setup_intent": (CUSTOMER, ("payment_method", "payment_method"), ("mandate", "mandate")),
    "subscription": (
        CUSTOMER, ("latest_invoice", "invoice"), ("default_payment_method", "payment_method"),
        ("schedule", "subscription_schedule"), ("pending_setup_intent", "setup_intent"),
    ),
    "subscription_schedule": (CUSTOMER, ("subscription", "subscription")),
    "topup": (BALANCE,),
    "transfer": (BALANCE,),
}  # fmt: skip

_ACCOUNT, _CUSTOMER = Parent("account", "account"), Parent("customer", "customer")
_INVOICE_LINES = Parent("invoice", "invoice", embedded="lines")
_CREDIT_NOTE_LINES = Parent("credit_note", "credit_note", embedded="lines")
_SUBSCRIPTION_ITEMS = Parent("subscription", "subscription", parameter="subscription", embedded="items")
_FEE_REFUNDS = Parent("application_fee", "fee", embedded="refunds")
_REVERSALS = Parent("transfer", "transfer", embedded="reversals")
_FEATURES = Parent("product", "product")

_ALL = [
    *_of(
        "customer product price plan coupon promotion_code tax_rate shipping_rate subscription subscription_schedule invoice"
        " invoiceitem invoice_payment credit_note payment_intent charge setup_intent refund dispute payout"
        " balance_transaction checkout.session application_fee transfer topup review radar.early_fraud_warning account"
        " file file_link forwarding.request identity.verification_report identity.verification_session issuing.authorization"
        " issuing.card issuing.cardholder issuing.dispute issuing.transaction product_catalog.trial_offer radar.value_list"
        " reporting.report_run three_d_secure.authentication treasury.financial_account apps.install"
    ),
    *_of(
        "quote webhook_endpoint apple_pay_domain invoice_rendering_template payment_method_domain payment_record"
        " billing.credit_balance_transaction billing.credit_grant billing.meter billing_portal.configuration climate.order"
        " climate.product financial_connections.account issuing.personalization_design scheduled_query_run tax.registration"
        " test_helpers.test_clock",
        "field", apple_pay_domain="apple_pay/domains", scheduled_query_run="sigma/scheduled_query_runs",
    ),
    *_of(
        "payment_link payment_method_configuration tax_code country_spec exchange_rate billing.alert billing.feedback_option"
        " climate.supplier entitlements.feature issuing.physical_bundle reporting.report_type terminal.configuration"
        " terminal.location terminal.reader",
        "none",
    ),
    _under("payment_method", "/v1/customers/{parent}/payment_methods", _CUSTOMER, "/v1/payment_methods/{id}"),
    _under("tax_id", "/v1/customers/{parent}/tax_ids", _CUSTOMER),
    _under("source", "/v1/customers/{parent}/sources", _CUSTOMER, "/v1/sources/{id}"),
    _under("customer_balance_transaction", "/v1/customers/{parent}/balance_transactions", _CUSTOMER, created="filter"),
    _under("customer_cash_balance_transaction", "/v1/customers/{parent}/cash_balance_transactions", _CUSTOMER),
    _under("line_item", "/v1/invoices/{parent}/lines", _INVOICE_LINES, "", "none"),
    _under("credit_note_line_item", "/v1/credit_notes/{parent}/lines", _CREDIT_NOTE_LINES, "", "none"),
    _under("item", "/v1/checkout/sessions/{parent}/line_items", Parent("checkout.session", ""), "", "none"),
    _under("subscription_item", "/v1/subscription_items", _SUBSCRIPTION_ITEMS),
    _under("fee_refund", "/v1/application_fees/{parent}/refunds", _FEE_REFUNDS),
    _under("transfer_reversal", "/v1/transfers/{parent}/reversals", _REVERSALS),
    _under("setup_attempt", "/v1/setup_attempts", Parent("setup_intent", "setup_intent", "setup_intent"), "", "filter"),
    _under("product_feature", "/v1/products/{parent}/features", _FEATURES, "", "none"),
    _under("bank_account", "/v1/accounts/{parent}/external_accounts", _ACCOUNT, created="none"),
    _under("card", "/v1/accounts/{parent}/external_accounts", _ACCOUNT, created="none"),
    _under("capability", "/v1/accounts/{parent}/capabilities", _ACCOUNT, created="none"),
    _under("person", "/v1/accounts/{parent}/persons", _ACCOUNT),
    *_by("customer", "customer", "entitlements.active_entitlement", "none"),
    *_by("financial_connections.account", "account", "financial_connections.transaction", "none"),
    *_by("payment_record", "payment_record", "payment_attempt_record"),
    *_by("issuing.card", "card", "issuing.token", "filter"),
    *_by("radar.value_list", "value_list", "radar.value_list_item", "filter"),
    *_by(
        "treasury.financial_account", "financial_account",
        "treasury.credit_reversal treasury.debit_reversal treasury.inbound_transfer treasury.outbound_transfer"
        " treasury.received_credit treasury.received_debit",
    ),
    *_by(
        "treasury.financial_account", "financial_account",
        "treasury.outbound_payment treasury.transaction treasury.transaction_entry", "filter",
        treasury__transaction_entry="treasury/transaction_entries",
    ),
    ObjectType("mandate", "", "/v1/mandates/{id}"),
    ObjectType("confirmation_token", "", "/v1/confirmation_tokens/{id}"),
    ObjectType("token", "", "/v1/tokens/{id}"),
    ObjectType("event", "", "/v1/events/{id}"),
    ObjectType("tax.calculation", "", "/v1/tax/calculations/{id}"),
    ObjectType("tax.location", "", "/v1/tax/locations/{id}"),
    ObjectType("tax.transaction", "", "/v1/tax/transactions/{id}"),
    ObjectType("financial_connections.session", "", "/v1/financial_connections/sessions/{id}"),
    ObjectType("balance", "", "/v1/balance"),
    ObjectType("balance_settings", "", "/v1/balance_settings"),
    ObjectType("tax.settings", "", "/v1/tax/settings"),
    ObjectType("cash_balance", "", "/v1/customers/{parent}/cash_balance", "none", Parent("customer", "customer")),
]  # fmt: skip
TYPES: Mapping[str, ObjectType] = {one.name: one for one in _with_related(_ALL)}
"""By Stripe's name of the type, parents before their children."""

LISTED: tuple[str, ...] = tuple(name for name, one in TYPES.items() if one.path)
"""Types that a backfill can list."""

MONEY_MOVEMENTS = (
    "charge", "payment_intent", "refund", "payout", "dispute", "balance_transaction", "transfer", "topup", "application_fee",
    "invoice_payment",
)  # fmt: skip
"""What moves money."""


def retrieve_path(object_type: str, object_id: str, known: Mapping[str, Any] | None = None) -> str | None:
    """Where one object is fetched; None when it cannot be, by its id and what is `known` of it.

    Some lie below a parent, whose id is read from the known state.
    """
    one = TYPES.get(object_type)
    if one is None or not one.one:
        return None
    if "{parent}" not in one.one:
        return one.one.format(id=object_id)
    above = (known or {}).get(one.parent.field) if one.parent else None
    above = above.get("id") if isinstance(above, Mapping) else above
    return one.one.format(id=object_id, parent=above) if isinstance(above, str) and above else None
