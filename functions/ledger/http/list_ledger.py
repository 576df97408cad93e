"""List journal entries, latest first, with their postings."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.instant import Instant
from oppulence.kernel.money import AmountMinor, Currency
from oppulence.kernel.pagination import Page, PageQuery, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.ledger import journal
from oppulence.ledger.models import Account, Direction, EntryFilter

ProviderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-.:]{1,255}$")]


class LedgerQuery(PageQuery):
    account: Annotated[Account | None, Field(description="Entries with a posting on this account.")] = None
    currency: Annotated[Currency | None, Field(description="Entries with a posting in this currency.")] = None
    since: Annotated[Instant | None, Field(description="Posted at or after this instant.")] = None
    until: Annotated[Instant | None, Field(description="Posted before this instant.")] = None
    source: Annotated[ProviderId | None, Field(description="Id of the provider's object, or of its event.")] = None
    provider_account: Annotated[ProviderId | None, Field(description="Connected account that the facts belong to.")] = None


class LedgerPosting(BaseModel):
    account: Account
    direction: Direction
    amount_minor: AmountMinor
    currency: Currency


class LedgerEntry(BaseModel):
    id: str
    posted_at: Annotated[datetime, Field(description="When the fact became true.")]
    description: str
    source_event_id: Annotated[str, Field(description="The provider's event that showed the fact first.")]
    postings: list[LedgerPosting]


@route("GET", "/v1/ledger", scope="ledger:read", errors=(InvalidCursor,), replica=True, uses=(Postgres("ledger"),))
def handler(uow: UnitOfWork, query: LedgerQuery) -> Page[LedgerEntry]:
    filters = EntryFilter(**query.model_dump(exclude={"limit", "cursor"}))
    return paginate(
        uow, query, lambda after, most: [LedgerEntry(**row) for row in journal.entries(uow, filters, after, most)],
        key=lambda entry: (entry.posted_at, entry.id),
    )  # fmt: skip
