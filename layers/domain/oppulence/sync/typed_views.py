"""The mirror in SQL: one view a type in schema `sync_api`, with the columns that a person expects.

`VIEWS` is the whole list. Each line is a column: its name, its kind and where it stands in Stripe's object; of several places,
which are those of different API versions, the first that has a value counts. Amounts are bigint minor units (`_minor`), moments
timestamptz (`_at`), currencies upper case, references the id whether or not they were expanded (`_id`). All views begin with
`COMMON` and end with `data`, the object as Stripe showed it. Row-level security of the tables below holds for whoever reads.

Migration 0003 is what `python -m oppulence.sync.view_sql` prints, and a test holds it to that. Applied migrations are never
edited: from the next change on, the text goes into a new migration, and the test compares with that one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

COMMON = ("workspace_id", "account", "connection_id", "id", "deleted", "version", "mirrored_at")
JOINED = "@customer."
"""Begins a path in the object's customer."""


@dataclass(frozen=True)
class Column:
    """A typed column. A path's parts are joined by dots; `x[].y` is y of all elements of the list x."""

    name: str
    kind: str
    paths: tuple[str, ...]


_SPEC: dict[str, tuple[str, str]] = {
    "customers": (
        "customer",
        """
        email text; name text; phone text; description text; country text address.country; currency currency
        balance_minor minor balance|account_balance; delinquent boolean; tax_exempt text; invoice_prefix text
        default_payment_method_id id invoice_settings.default_payment_method; default_source_id id default_source
        coupon_id id discount.source.coupon|discount.coupon; created_at time created; livemode boolean; metadata json
        """,
    ),
    "subscriptions": (
        "subscription",
        """
        status text; customer_id id customer; currency currency currency|items.data.0.price.currency|plan.currency
        price_id id items.data.0.price|items.data.0.plan|plan; product_id id items.data.0.price.product|plan.product
        quantity integer items.data.0.quantity|quantity; collection_method text; days_until_due integer
        current_period_start_at time items.data.0.current_period_start|current_period_start
        current_period_end_at time items.data.0.current_period_end|current_period_end
        billing_cycle_anchor_at time billing_cycle_anchor; cancel_at time; cancel_at_period_end boolean; canceled_at time
        cancellation_reason text cancellation_details.reason; ended_at time; started_at time start_date|start
        trial_start_at time trial_start; trial_end_at time trial_end; pause_behavior text pause_collection.behavior
        latest_invoice_id id latest_invoice; default_payment_method_id id default_payment_method; schedule_id id schedule
        coupon_id id discounts.0.source.coupon|discounts.0.coupon|discount.source.coupon|discount.coupon
        created_at time created; livemode boolean; metadata json
        """,
    ),
    "subscription_items": (
        "subscription_item",
        """
        subscription_id id subscription; price_id id price|plan; product_id id price.product|plan.product; quantity integer
        currency currency price.currency|plan.currency; unit_amount_minor minor price.unit_amount|plan.amount
        interval text price.recurring.interval|plan.interval
        interval_count integer price.recurring.interval_count|plan.interval_count
        usage_type text price.recurring.usage_type|plan.usage_type; current_period_start_at time current_period_start
        current_period_end_at time current_period_end; created_at time created; metadata json
        """,
    ),
    "invoices": (
        "invoice",
        """
        status text; number text; customer_id id customer; customer_email text customer_email|@customer.email
        customer_name text customer_name|@customer.name; amount_remaining_minor minor amount_remaining
        amount_paid_minor minor amount_paid; total_minor minor total; currency currency; hosted_invoice_url text
        attempt_count count; next_attempt_at time next_payment_attempt; due_at time due_date
        subscription_id id parent.subscription_details.subscription|subscription; amount_due_minor minor amount_due
        subtotal_minor minor subtotal; tax_minor sum total_taxes[].amount|total_tax_amounts[].amount|tax
        discount_minor sum total_discount_amounts[].amount; starting_balance_minor minor starting_balance
        ending_balance_minor minor ending_balance; billing_reason text; collection_method text; attempted boolean
        auto_advance boolean; payment_intent_id id payments.data.0.payment.payment_intent|payment_intent
        charge_id id payments.data.0.payment.charge|charge; default_payment_method_id id default_payment_method
        coupon_id id discounts.0.source.coupon|discounts.0.coupon|discount.source.coupon|discount.coupon
        period_start_at time period_start; period_end_at time period_end; effective_at time
        finalized_at time status_transitions.finalized_at; paid_at time status_transitions.paid_at
        marked_uncollectible_at time status_transitions.marked_uncollectible_at; voided_at time status_transitions.voided_at
        invoice_pdf text; description text; created_at time created; livemode boolean; metadata json
        """,
    ),
    "charges": (
        "charge",
        """
        status text; amount_minor minor amount; amount_captured_minor minor amount_captured
        amount_refunded_minor minor amount_refunded; currency currency; paid boolean; captured boolean; refunded boolean
        disputed boolean; customer_id id customer; payment_intent_id id payment_intent; invoice_id id invoice
        payment_method_id id payment_method; balance_transaction_id id balance_transaction; failure_code text
        failure_message text; outcome_type text outcome.type; outcome_reason text outcome.reason
        decline_code text outcome.network_decline_code; risk_level text outcome.risk_level
        payment_method_type text payment_method_details.type; card_brand text payment_method_details.card.brand
        card_country text payment_method_details.card.country; card_funding text payment_method_details.card.funding
        card_last4 text payment_method_details.card.last4; billing_email text billing_details.email; receipt_email text
        application_fee_minor minor application_fee_amount; transfer_id id transfer; description text; created_at time created
        livemode boolean; metadata json
        """,
    ),
    "payment_intents": (
        "payment_intent",
        """
        status text; amount_minor minor amount; amount_received_minor minor amount_received
        amount_capturable_minor minor amount_capturable; currency currency; customer_id id customer; invoice_id id invoice
        latest_charge_id id latest_charge|charges.data.0; payment_method_id id payment_method|source; capture_method text
        confirmation_method text; setup_future_usage text; canceled_at time; cancellation_reason text
        last_error_code text last_payment_error.code; last_decline_code text last_payment_error.decline_code
        receipt_email text; description text; created_at time created; livemode boolean; metadata json
        """,
    ),
    "refunds": (
        "refund",
        """
        status text; amount_minor minor amount; currency currency; reason text; failure_reason text; charge_id id charge
        payment_intent_id id payment_intent; balance_transaction_id id balance_transaction
        failure_balance_transaction_id id failure_balance_transaction; receipt_number text; description text
        created_at time created; metadata json
        """,
    ),
    "disputes": (
        "dispute",
        """
        status text; amount_minor minor amount; currency currency; reason text; charge_id id charge
        payment_intent_id id payment_intent; is_charge_refundable boolean; evidence_due_at time evidence_details.due_by
        has_evidence boolean evidence_details.has_evidence; submission_count integer evidence_details.submission_count
        balance_net_minor sum balance_transactions[].net; created_at time created; livemode boolean; metadata json
        """,
    ),
    "payouts": (
        "payout",
        """
        status text; amount_minor minor amount; currency currency; type text; method text; source_type text; automatic boolean
        arrival_at time arrival_date; balance_transaction_id id balance_transaction; destination_id id destination
        failure_code text; failure_message text; failure_balance_transaction_id id failure_balance_transaction
        reconciliation_status text; statement_descriptor text; description text; created_at time created; livemode boolean
        metadata json
        """,
    ),
    "balance_transactions": (
        "balance_transaction",
        """
        type text; reporting_category text; status text; amount_minor minor amount; fee_minor minor fee; net_minor minor net
        currency currency; exchange_rate decimal; source_id id source; available_at time available_on; description text
        created_at time created
        """,
    ),
    "products": (
        "product",
        """
        name text; description text; active boolean; default_price_id id default_price; tax_code_id id tax_code; unit_label text
        statement_descriptor text; url text; images json; changed_at time updated; created_at time created; livemode boolean
        metadata json
        """,
    ),
    "prices": (
        "price",
        """
        product_id id product; active boolean; type text; currency currency; unit_amount_minor minor unit_amount
        unit_amount decimal unit_amount_decimal; billing_scheme text; tiers_mode text; interval text recurring.interval
        interval_count integer recurring.interval_count; usage_type text recurring.usage_type; meter_id text recurring.meter
        lookup_key text; nickname text; tax_behavior text; created_at time created; livemode boolean; metadata json
        """,
    ),
    "payment_methods": (
        "payment_method",
        """
        type text; customer_id id customer; card_brand text card.brand; card_last4 text card.last4
        card_exp_month integer card.exp_month; card_exp_year integer card.exp_year; card_country text card.country
        card_funding text card.funding; card_fingerprint text card.fingerprint; card_wallet text card.wallet.type
        bank_last4 text us_bank_account.last4|sepa_debit.last4|bacs_debit.last4|au_becs_debit.last4|acss_debit.last4
        billing_email text billing_details.email; billing_name text billing_details.name
        billing_country text billing_details.address.country; allow_redisplay text; created_at time created; livemode boolean
        metadata json
        """,
    ),
    "checkout_sessions": (
        "checkout.session",
        """
        mode text; status text; payment_status text; currency currency; amount_subtotal_minor minor amount_subtotal
        amount_total_minor minor amount_total; tax_minor minor total_details.amount_tax
        discount_minor minor total_details.amount_discount; customer_id id customer
        customer_email text customer_details.email|customer_email; payment_intent_id id payment_intent
        subscription_id id subscription; setup_intent_id id setup_intent; invoice_id id invoice; payment_link_id id payment_link
        client_reference_id text; url text; expires_at time; created_at time created; livemode boolean; metadata json
        """,
    ),
    "credit_notes": (
        "credit_note",
        """
        number text; status text; type text; reason text; invoice_id id invoice; customer_id id customer; currency currency
        amount_minor minor amount; subtotal_minor minor subtotal; total_minor minor total
        tax_minor sum total_taxes[].amount|tax_amounts[].amount; discount_minor sum discount_amounts[].amount
        pre_payment_minor minor pre_payment_amount; post_payment_minor minor post_payment_amount
        out_of_band_minor minor out_of_band_amount; memo text; pdf text; effective_at time; voided_at time
        created_at time created; livemode boolean; metadata json
        """,
    ),
}  # fmt: skip


def _columns(spec: str) -> Iterator[Column]:
    for text in spec.replace("\n", ";").split(";"):
        if words := text.split():
            yield Column(words[0], words[1], tuple(words[2].split("|")) if len(words) > 2 else (words[0],))


VIEWS: dict[str, tuple[str, tuple[Column, ...]]] = {name: (kind, tuple(_columns(spec))) for name, (kind, spec) in _SPEC.items()}
"""Stripe's type and the typed columns, by the view's name."""
