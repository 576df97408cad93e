"""What the API takes and shows of backfills, and what their rows hold."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model
from oppulence.sync.errors import InvalidRange

REQUESTS_PER_SECOND_MAX = 100
"""Stripe's limit for live keys."""

Account = Annotated[str, StringConstraints(pattern=r"^(self|acct_[A-Za-z0-9_]{1,100})$")]
Rate = Annotated[
    float,
    Field(
        gt=0,
        le=REQUESTS_PER_SECOND_MAX,
        description="Requests a second, of all backfills of the Stripe account together. Without it a quarter of what Stripe "
        "allows: 25 in live mode, 6 in test mode.",
    ),
]


class Source(StrEnum):
    """By which route it was asked for."""

    BACKFILL = "backfill"
    TRANSACTIONS = "transactions"


class Status(StrEnum):
    """A backfill's. `partial`: Stripe does not list some of its types to this key or account."""

    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class State(StrEnum):
    """A type's. It waits for its parents' type, and for its turn."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CreatedRange(Model):
    """When the objects were created, at whole seconds; at most one bound on each side.

    Where Stripe's list cannot be narrowed, it is read whole and what lies outside is not written.
    """

    gte: Instant | None = None
    gt: Instant | None = None
    lte: Instant | None = None
    lt: Instant | None = None

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """(from, until): the first second that counts, and the first that no longer does.

        Raises:
            InvalidRange: two bounds on one side, or nothing between them.
        """
        if (self.gte and self.gt) or (self.lte and self.lt):
            raise InvalidRange("Give one lower and one upper bound: gte or gt, lte or lt.", param="created")
        start = self.gte and _whole(self.gte, up=True) or (self.gt and _whole(self.gt) + timedelta(seconds=1))
        end = self.lt and _whole(self.lt, up=True) or (self.lte and _whole(self.lte) + timedelta(seconds=1))
        if start and end and start >= end:
            raise InvalidRange("The range of `created` is empty: its end is not after its start.", param="created")
        return start, end


def _whole(at: datetime, *, up: bool = False) -> datetime:
    whole = at.astimezone(UTC).replace(microsecond=0)
    return whole + timedelta(seconds=1) if up and at.microsecond else whole


class NewBackfill(Model):
    """What to list."""

    connection_id: Annotated[str, Field(max_length=255)]
    object_types: Annotated[
        list[Annotated[str, Field(max_length=100)]] | None,
        Field(
            min_length=1, max_length=200, description="Stripe's names, such as `invoice`; all types that Stripe lists if absent."
        ),
    ] = None
    created: CreatedRange | None = None
    requests_per_second: Rate | None = None
    accounts: Annotated[
        list[Account],
        Field(min_length=1, max_length=100, description="`self` is the connection's own, `acct_...` a connected one."),
    ] = ["self"]
    connected_accounts: Annotated[bool, Field(description="Also every connected account; `account` is then listed first.")] = (
        False
    )
    include_related: Annotated[
        bool, Field(description="Fetch what listed objects name and the mirror lacks, up to 1,000 objects a type.")
    ] = True


class NewTransactionsSync(Model):
    """A window of money movements to list."""

    connection_id: Annotated[
        str | None, Field(max_length=255, description="May be left out where one connection to Stripe has a key.")
    ] = None
    since: Annotated[Instant | None, Field(description="Created at or after this instant.")] = None
    until: Annotated[Instant | None, Field(description="Created before this instant.")] = None
    requests_per_second: Rate | None = None


class BackfillQuery(PageQuery):
    """Filters of backfills."""

    status: Status | None = None


class Remaining(Model):
    """How many rows are still to come; `rows` is null where nobody can say, and `reason` says why."""

    rows: int | None
    reason: str | None


class TypeProgress(Model):
    """How far one type is."""

    type: str
    state: State
    pages: int
    rows_listed: int
    rows_changed: Annotated[int, Field(description="Objects that the mirror lacked or had in another state.")]
    rows_per_second: float | None
    account: Annotated[str | None, Field(description="Account whose list is read; `self` is the connection's own.")]
    reached: Annotated[datetime | None, Field(description="`created` of the object listed last; lists run backwards in time.")]
    remaining: Remaining
    related_fetched: int
    related_missing: Annotated[int, Field(description="Named by listed objects, not in the mirror, and not fetched.")]
    error: Annotated[str | None, Field(description="Why it was refused or failed, or what it waits for.")]
    executions: Annotated[int, Field(description="State machine executions started for it; more than one after a crash.")]
    started_at: datetime | None
    ended_at: datetime | None


class BackfillSummary(Model):
    """A backfill, without its types."""

    id: str
    connection_id: str
    source: Source
    status: Status
    created: CreatedRange
    accounts: list[str]
    connected_accounts: bool
    requests_per_second: float
    include_related: bool
    requested_at: datetime
    ended_at: datetime | None
    rows_listed: int
    rows_changed: int


class BackfillView(BackfillSummary):
    """A backfill and the progress of each type."""

    types: list[TypeProgress]


@dataclass(frozen=True, slots=True)
class Backfill:
    """A row of sync.backfills."""

    id: str
    connection_id: str
    bucket: str
    source: str
    status: str
    created_from: datetime | None
    created_until: datetime | None
    accounts: list[str]
    connected: bool
    per_second: float
    with_related: bool
    requested_at: datetime
    ended_at: datetime | None
    rows_listed: int
    rows_changed: int


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A row of sync.backfill_types. `account` is None before the first page."""

    backfill_id: str
    type: str
    state: str
    reason: str | None
    account: str | None
    parent: str
    after: str
    done: bool
    reached: datetime | None
    pages: int
    rows_listed: int
    rows_changed: int
    related_fetched: int
    related_missing: int
    failures: int
    execution_name: str | None
    execution_arn: str | None
    executions: int
    started_at: datetime | None
    ended_at: datetime | None
    touched_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.ended_at is not None
