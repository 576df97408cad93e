"""What the provider's balance transactions mean: the balance account is their sum, whatever else was told or was not.

What payments, refunds, disputes and payouts booked already, gross, stands in clearing and is taken from there, so nothing is
booked twice, and what is left in clearing is what only one of the two has shown. All else meets its own account here.
"""

from collections import Counter
from collections.abc import Mapping

from oppulence.ledger.models import Account, Draft, postings_of
from oppulence.sync import events

_IN_CUSTOMERS_CURRENCY = frozenset(
    ["charge", "payment", "refund", "payment_refund", "refund_failure", "payment_failure_refund", "payment_reversal"]
)
"""Their facts are told in the customer's currency, before the provider converted it."""

_THROUGH_CLEARING = _IN_CUSTOMERS_CURRENCY | {"payout", "payout_cancel", "payout_failure"}
_DISPUTES = frozenset(["dispute", "dispute_reversal"])

_OTHERS: Mapping[str, Account] = {
    name: account
    for account, names in {
        Account.BANK: "topup topup_reversal",
        Account.CONNECTED_ACCOUNTS: "transfer transfer_cancel transfer_failure transfer_refund connect_collection_transfer",
        Account.PLATFORM_FEES: "application_fee application_fee_refund",
        Account.FEES: "stripe_fee stripe_fx_fee tax_fee",
        Account.STRIPE_RESERVE: "reserve_transaction reserved_funds payment_network_reserve_hold payment_network_reserve_release "
        "payout_minimum_balance_hold payout_minimum_balance_release",
    }.items()
    for name in names.split()
}


def balance_transaction_recorded(fact: events.BalanceTransactionRecorded) -> list[Draft]:
    """Dr balance (net) and fees; Cr what moved the money. An amount below zero turns sides by itself.

    Converted money is taken from clearing in the customer's currency and comes into the balance in its own; the two sides meet
    in `fx_clearing`. When it is not known what was converted, clearing keeps that side.
    """
    origin = _origin(fact)
    converted = fact.exchange_rate is not None and fact.transaction_type in _IN_CUSTOMERS_CURRENCY
    changes = Counter({Account.STRIPE_BALANCE: fact.net_minor, Account.FEES: fact.fee_minor})
    changes[Account.FX_CLEARING if converted else origin] -= fact.amount_minor
    postings = postings_of(fact.currency, changes)
    if converted and fact.source_currency and fact.source_amount_minor:
        before = {Account.FX_CLEARING: fact.source_amount_minor, origin: -fact.source_amount_minor}
        postings += postings_of(fact.source_currency, before)
    description = f"Balance transaction {fact.object_id}: {fact.transaction_type}" + (
        f" of {fact.source_id}" if fact.source_id else ""
    )
    return [Draft("balance_transaction.recorded", description, postings)] if postings else []


def _origin(fact: events.BalanceTransactionRecorded) -> Account:
    """The account that met the money before, or meets it now."""
    if fact.transaction_type in _THROUGH_CLEARING or fact.reporting_category in _DISPUTES:
        return Account.STRIPE_CLEARING
    return _OTHERS.get(fact.transaction_type, Account.ADJUSTMENTS)
