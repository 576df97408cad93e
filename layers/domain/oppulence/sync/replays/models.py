"""What the API takes and shows of replays."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model

Word = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Status(StrEnum):
    """A replay's. `planned` is the answer to a dry run: there is no replay."""

    PLANNED = "planned"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Selection(Model):
    """Which stored events: all filters must fit."""

    event_ids: Annotated[list[Word], Field(max_length=1000, description="Provider's ids, `evt_…`.")] = []
    type: Annotated[Word | None, Field(description="Such as `invoice.paid`.")] = None
    object_type: Annotated[Word | None, Field(description="Such as `invoice`.")] = None
    object_id: Word | None = None
    created_since: Annotated[Instant | None, Field(description="Created at the provider at or after this instant.")] = None
    created_until: Annotated[Instant | None, Field(description="Created before this instant.")] = None
    received_since: Annotated[Instant | None, Field(description="First received at or after this instant.")] = None
    received_until: Annotated[Instant | None, Field(description="First received before this instant.")] = None

    def is_everything(self) -> bool:
        """Whether no filter is set."""
        return not self.model_dump(include=set(Selection.model_fields), exclude_defaults=True)


class NewReplay(Selection):
    """A selection, or everything."""

    all: Annotated[bool, Field(description="Every stored event; must be said when no filter is.")] = False
    dry_run: Annotated[bool, Field(description="Only count.")] = False


class Row(BaseModel):
    """Base of what is read from the database."""

    model_config = ConfigDict(frozen=True)


class Export(Row):
    """Events that were taken out of the database to an object in S3: a replay does not reach them."""

    key: str
    month: Annotated[str, Field(description="In which they were created, such as `2026-01`.")]
    events: Annotated[int, Field(description="All that it holds; the filters may want fewer.")]


class Plan(Row):
    """What a selection holds."""

    events: int
    by_type: dict[str, int]
    first_created_at: datetime | None
    last_created_at: datetime | None
    exports: Annotated[list[Export], Field(description="What the selection may want and the database has no more.")]


class ReplayView(Row):
    """A replay and how far it is."""

    id: Annotated[str | None, Field(description="Null for a dry run.")]
    status: Status
    selection: Selection
    plan: Annotated[Plan, Field(description="What it held when it was asked for: later events are no part of it.")]
    events_done: int
    objects_changed: Annotated[int, Field(description="Objects whose row was not what it should have been.")]
    requested_by: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class ReplayQuery(PageQuery):
    """Which replays."""

    status: Status | None = None
