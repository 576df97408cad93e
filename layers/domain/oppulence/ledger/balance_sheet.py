"""What stands on the accounts."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from oppulence.kernel.uow import UnitOfWork
from oppulence.ledger import store


@dataclass(frozen=True, slots=True)
class Balance:
    """An account in one currency, in minor units; `balance_minor` counts on the account's normal side."""

    account: str
    type: str
    currency: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Total:
    """All accounts in one currency: the two are equal, or the books are broken."""

    currency: str
    debit_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """Balances by account and currency, and totals by currency."""

    balances: list[Balance]
    totals: list[Total]


def balances(uow: UnitOfWork, at: datetime | None = None) -> Sheet:
    """The books as they stood at an instant, itself included; as they stand, if none is named."""
    rows = [_balance(row) for row in store.balances(uow.conn, at)]
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        sums[row.currency][0] += row.debit_minor
        sums[row.currency][1] += row.credit_minor
    return Sheet(rows, [Total(currency, debit, credit) for currency, (debit, credit) in sorted(sums.items())])


def _balance(row: store.AccountBalance) -> Balance:
    debit, credit = int(row.debit_minor), int(row.credit_minor)
    balance = debit - credit if row.normal_side == "debit" else credit - debit
    return Balance(row.account, row.type, row.currency, debit, credit, balance)
