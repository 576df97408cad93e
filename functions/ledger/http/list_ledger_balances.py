"""List what stands on each account in each currency, with totals in which debits equal credits."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.instant import Instant
from oppulence.kernel.money import AmountMinor, Currency
from oppulence.kernel.pagination import Pagination
from oppulence.kernel.uow import UnitOfWork
from oppulence.ledger import balance_sheet


class BalancesQuery(Model):
    at: Annotated[Instant | None, Field(description="Balances as they stood at this instant; now, if left out.")] = None


class LedgerBalance(Model):
    account: str
    type: Annotated[str, Field(description="asset, liability, income or expense.")]
    currency: Currency
    debit_minor: AmountMinor
    credit_minor: AmountMinor
    balance_minor: Annotated[int, Field(description="Minor units on the account's normal side; negative on the other.")]


class LedgerTotal(Model):
    currency: Currency
    debit_minor: AmountMinor
    credit_minor: AmountMinor


class LedgerBalances(Model):
    data: list[LedgerBalance]
    totals: list[LedgerTotal]
    pagination: Annotated[Pagination, Field(description="All balances are always on one page.")]


@route("GET", "/v1/ledger/balances", scope="ledger:read", replica=True, uses=(Postgres("ledger"),))
def handler(uow: UnitOfWork, query: BalancesQuery) -> LedgerBalances:
    sheet = balance_sheet.balances(uow, query.at)
    return LedgerBalances(
        data=[LedgerBalance(**asdict(balance)) for balance in sheet.balances],
        totals=[LedgerTotal(**asdict(total)) for total in sheet.totals],
        pagination=Pagination(has_more=False),
    )
