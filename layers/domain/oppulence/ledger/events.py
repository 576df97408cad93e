"""Events of the ledger."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from oppulence.kernel.events import Event
from oppulence.kernel.money import Currency


class PostedAmount(BaseModel):
    """One posting of an entry."""

    account: Annotated[str, Field(description="Code of the account, such as `receivable`.")]
    direction: Literal["debit", "credit"]
    amount_minor: Annotated[int, Field(gt=0, description="Minor units of `currency`.")]
    currency: Currency


class EntryPosted(Event, type="ledger.entry.posted", version=1):
    """An entry stands in the books, and never changes. Told once per entry."""

    entry_id: str
    kind: Annotated[str, Field(description="What it books, such as `invoice.finalized`.")]
    object_id: Annotated[str, Field(description="The provider's id of the object it is about.")]
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    reverses_id: Annotated[str | None, Field(description="The entry it takes back.")]
    postings: Annotated[list[PostedAmount], Field(max_length=100)]
