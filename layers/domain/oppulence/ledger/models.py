"""Accounts, postings and journal entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Account(StrEnum):
    """The chart of accounts, as in the table `ledger.accounts`."""

    RECEIVABLE = "receivable"
    STRIPE_CLEARING = "stripe_clearing"
    STRIPE_BALANCE = "stripe_balance"
    STRIPE_RESERVE = "stripe_reserve"
    CONNECTED_ACCOUNTS = "connected_accounts"
    BANK = "bank"
    FX_CLEARING = "fx_clearing"
    CUSTOMER_CREDIT = "customer_credit"
    TAX = "tax"
    REVENUE = "revenue"
    REFUNDS = "refunds"
    PLATFORM_FEES = "platform_fees"
    FEES = "fees"
    ADJUSTMENTS = "adjustments"
    DISPUTES = "disputes"
    BAD_DEBT = "bad_debt"


class Direction(StrEnum):
    """The side of an account that a posting stands on."""

    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def opposite(self) -> "Direction":
        """The other side."""
        return Direction.CREDIT if self is Direction.DEBIT else Direction.DEBIT


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry: minor units, more than none, of one currency on one account."""

    account: Account
    direction: Direction
    amount_minor: int
    currency: str


def postings_of(currency: str, changes: Mapping[Account, int]) -> tuple[Posting, ...]:
    """Postings for changes in minor units, debits positive and credits negative; accounts that do not change are left out.

    Raises:
        ValueError: debits and credits differ.
    """
    if sum(changes.values()):
        raise ValueError(f"debits and credits differ: {dict(changes)} {currency}")
    return tuple(
        Posting(account, Direction.DEBIT if change > 0 else Direction.CREDIT, abs(change), currency)
        for account, change in changes.items()
        if change
    )


def opposite_of(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """The same amounts on the other sides."""
    return tuple(Posting(one.account, one.direction.opposite, one.amount_minor, one.currency) for one in postings)


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that a rule asks for.

    `after` is the kind of an entry of the same object that must stand in the books first; with `reverses` the postings are
    that entry's, on the other sides.
    """

    kind: str
    description: str
    postings: tuple[Posting, ...] = ()
    after: str | None = None
    reverses: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry that stands in the books, as far as a later one builds on it."""

    id: str
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry about to be written."""

    id: str
    posted_at: datetime
    kind: str
    description: str
    object_id: str
    provider_account: str | None
    source_event_id: str
    reverses_id: str | None
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries; None takes all. `source` is the id of the provider's object or event."""

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None
    provider_account: str | None = None
    currency: str | None = None
