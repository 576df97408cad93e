"""Posting rules: what each fact means in double entry. Pure functions of the fact, so order and repeats change nothing.

Revenue and tax are booked when an invoice is finalized, for its whole total; what is settled by the customer's credit balance
goes there, the rest is receivable. Money is booked when it moves: payments, refunds, disputes and payouts pass, gross, through
the provider's clearing account. From there balance transactions take them to the provider's balance, less fees: `balance_rules`.
In `changes` debits are positive and credits negative, so a negative invoice or payout turns sides by itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from oppulence.ledger.models import Account, Draft, postings_of
from oppulence.sync import events

INVOICE_FINALIZED = "invoice.finalized"
WRITTEN_OFF = "invoice.marked_uncollectible"
WRITE_OFF_REVERSED = "invoice.write_off_reversed"
CREDIT_NOTE_ISSUED = "credit_note.issued"


def invoice_finalized(fact: events.InvoiceFinalized) -> list[Draft]:
    """Dr receivable and customer credit; Cr revenue and tax. A total below zero becomes the customer's credit."""
    applied = min(fact.credit_applied_minor, fact.total_minor)
    changes = {
        Account.RECEIVABLE: fact.total_minor - applied,
        Account.CUSTOMER_CREDIT: applied,
        Account.REVENUE: fact.tax_minor - fact.total_minor,
        Account.TAX: -fact.tax_minor,
    }
    return _entry(fact, "finalized", changes)


def invoice_voided(fact: events.InvoiceVoided) -> list[Draft]:
    """Take back what is still open, and give back the credit that was applied; waits for the finalized invoice.

    Source: Stripe changelog 2019-12-03: balances applied to an invoice are returned when it is voided.
    """
    taken_back = fact.amount_remaining_minor + fact.credit_applied_minor
    tax = share(fact.tax_minor, taken_back, fact.total_minor)
    changes = {
        Account.REVENUE: taken_back - tax,
        Account.TAX: tax,
        Account.RECEIVABLE: -fact.amount_remaining_minor,
        Account.CUSTOMER_CREDIT: -fact.credit_applied_minor,
    }
    drafts = _entry(fact, "voided", changes, after=INVOICE_FINALIZED)
    return drafts + (_write_off_reversed(fact) if fact.was_uncollectible else [])


def invoice_marked_uncollectible(fact: events.InvoiceMarkedUncollectible) -> list[Draft]:
    """Dr bad debt, Cr receivable: what is still open; waits for the finalized invoice."""
    changes = {Account.BAD_DEBT: fact.amount_remaining_minor, Account.RECEIVABLE: -fact.amount_remaining_minor}
    return _entry(fact, "marked uncollectible", changes, after=INVOICE_FINALIZED)


def invoice_paid(fact: events.InvoicePaid) -> list[Draft]:
    """Dr bank, Cr receivable for what did not come through the provider: the rest is booked by its payments.

    An invoice that had been written off was not bad after all: the write-off is taken back first.
    """
    changes = {Account.BANK: fact.paid_off_provider_minor, Account.RECEIVABLE: -fact.paid_off_provider_minor}
    return _entry(fact, "paid outside the provider", changes) + (_write_off_reversed(fact) if fact.was_uncollectible else [])


def payment_succeeded(fact: events.PaymentSucceeded) -> list[Draft]:
    """Dr clearing; Cr receivable if it pays an invoice, else revenue: a sale without an invoice says nothing of tax."""
    settled = Account.RECEIVABLE if fact.invoice_id else Account.REVENUE
    return _entry(fact, "succeeded", {Account.STRIPE_CLEARING: fact.amount_minor, settled: -fact.amount_minor})


def refund_created(fact: events.RefundCreated) -> list[Draft]:
    """Dr refunds, Cr clearing."""
    return _entry(fact, "created", {Account.REFUNDS: fact.amount_minor, Account.STRIPE_CLEARING: -fact.amount_minor})


def refund_failed(fact: events.RefundFailed) -> list[Draft]:
    """The money came back: the opposite of a refund, right also when it is heard of first."""
    return _entry(fact, "failed", {Account.STRIPE_CLEARING: fact.amount_minor, Account.REFUNDS: -fact.amount_minor})


def dispute_funds_withdrawn(fact: events.DisputeFundsWithdrawn) -> list[Draft]:
    """Dr disputes, Cr clearing."""
    return _dispute(fact, "withdrew funds", {Account.DISPUTES: fact.amount_minor, Account.STRIPE_CLEARING: -fact.amount_minor})


def dispute_funds_reinstated(fact: events.DisputeFundsReinstated) -> list[Draft]:
    """Dr clearing, Cr disputes."""
    return _dispute(fact, "reinstated funds", {Account.STRIPE_CLEARING: fact.amount_minor, Account.DISPUTES: -fact.amount_minor})


def credit_note_issued(fact: events.CreditNoteIssued) -> list[Draft]:
    """Before payment: Dr revenue and tax in proportion, Cr receivable, because less was sold and no money moved.

    After payment: Dr refunds. The refund itself is booked when its money leaves, so here stand only credit to the customer
    and money paid back elsewhere; and the note's tax, which is no longer owed, moves from refunds to tax.
    """
    return _entry(fact, "issued", _credit_note_changes(fact))


def credit_note_voided(fact: events.CreditNoteVoided) -> list[Draft]:
    """The issued note's entry on the other sides; waits for it. A note that booked nothing is voided by nothing."""
    if not any(_credit_note_changes(fact).values()):
        return []
    return [Draft("credit_note.voided", f"Credit note {fact.object_id} voided", after=CREDIT_NOTE_ISSUED, reverses=True)]


def payout_created(fact: events.PayoutCreated) -> list[Draft]:
    """Dr bank, Cr clearing."""
    return _entry(fact, "created", {Account.BANK: fact.amount_minor, Account.STRIPE_CLEARING: -fact.amount_minor})


def payout_failed(fact: events.PayoutFailed) -> list[Draft]:
    """The money came back: the opposite of a payout, right also when it is heard of first."""
    return _entry(fact, "failed", {Account.STRIPE_CLEARING: fact.amount_minor, Account.BANK: -fact.amount_minor})


def share(amount_minor: int, part: int, whole: int) -> int:
    """The part of an amount that falls on `part` of `whole`, in minor units, half to even; none of it if `whole` is zero.

    Tax is rounded and revenue takes the rest, so an entry always balances. Over several partial corrections of one invoice
    the split may be off by a minor unit between revenue and tax; what customers owe never is.
    """
    return round(Fraction(amount_minor * part, whole)) if whole else 0


def _credit_note_changes(fact: events.CreditNoteFact) -> dict[Account, int]:
    before = fact.pre_payment_minor
    tax_before = share(fact.tax_minor, before, fact.total_minor)
    tax_after = share(fact.tax_minor, fact.post_payment_minor, fact.total_minor)
    return {
        Account.REVENUE: before - tax_before,
        Account.TAX: tax_before + tax_after,
        Account.REFUNDS: fact.credited_minor + fact.off_provider_minor - tax_after,
        Account.RECEIVABLE: -before,
        Account.CUSTOMER_CREDIT: -fact.credited_minor,
        Account.BANK: -fact.off_provider_minor,
    }


def _dispute(fact: events.DisputeFundsFact, what: str, changes: Mapping[Account, int]) -> list[Draft]:
    """As of a bank that took or gave back the money again: each time is an entry of its own."""
    entry = _entry(fact, what, changes)
    if fact.occurrence > 1:
        return [replace(one, kind=f"{one.kind}:{fact.occurrence}") for one in entry]
    return entry


def _write_off_reversed(fact: events.InvoicePaid | events.InvoiceVoided) -> list[Draft]:
    """What was written off, exactly, on the other sides: the fact cannot know how much was open then."""
    return [Draft(WRITE_OFF_REVERSED, f"Invoice {fact.object_id} no longer written off", after=WRITTEN_OFF, reverses=True)]


def _entry(fact: events.Fact, what: str, changes: Mapping[Account, int], after: str | None = None) -> list[Draft]:
    """The fact's entry; none when nothing changes, as for an invoice of zero."""
    postings = postings_of(fact.currency, changes)
    kind = fact.type.removeprefix("sync.")
    noun = kind.partition(".")[0].replace("_", " ").capitalize()
    return [Draft(kind, f"{noun} {fact.object_id} {what}", postings, after)] if postings else []
