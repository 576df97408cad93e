"""What this server never makes by itself: lists that are empty until a test puts objects there, so that all can be listed."""

from infra.local.stripe.api.reading import Readable, serve

PLURAL = (
    "apps.install billing.alert billing.credit_balance_transaction billing.credit_grant billing.feedback_option billing.meter"
    " billing_portal.configuration climate.order climate.product climate.supplier country_spec entitlements.active_entitlement"
    " entitlements.feature exchange_rate file file_link financial_connections.account financial_connections.transaction"
    " forwarding.request identity.verification_report identity.verification_session invoice_rendering_template"
    " issuing.authorization issuing.card issuing.cardholder issuing.dispute issuing.personalization_design"
    " issuing.physical_bundle issuing.token issuing.transaction payment_attempt_record payment_link"
    " payment_method_configuration payment_method_domain payment_record product_catalog.trial_offer radar.value_list"
    " radar.value_list_item reporting.report_run reporting.report_type setup_attempt shipping_rate tax.registration tax_code"
    " terminal.configuration terminal.location terminal.reader three_d_secure.authentication treasury.credit_reversal"
    " treasury.debit_reversal treasury.financial_account treasury.inbound_transfer treasury.outbound_payment"
    " treasury.outbound_transfer treasury.received_credit treasury.received_debit treasury.transaction"
)
"""Types whose path is their name in the plural, below the name's first part."""


def readable(name: str) -> Readable:
    """A type by the rules that Stripe's paths and the SDK's names follow."""
    area, _, last = name.rpartition(".")
    kind = "".join(word.title() for word in last.split("_")) + "ListParams"
    return Readable(name, f"{name.replace('.', '/')}s", f"{area}.{kind}" if area else kind, name.replace(".", "_"))


TYPES = (
    *(readable(name) for name in PLURAL.split()),
    Readable("apple_pay_domain", "apple_pay/domains", "ApplePayDomainListParams", "apple_pay_domain"),
    Readable(
        "treasury.transaction_entry",
        "treasury/transaction_entries",
        "treasury.TransactionEntryListParams",
        "treasury_transaction",
    ),
    Readable("scheduled_query_run", "sigma/scheduled_query_runs", "sigma.ScheduledQueryRunListParams", "sigma"),
)
for _one in TYPES:
    serve(_one)
