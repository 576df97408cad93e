"""Exports as the API takes and shows them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model
from oppulence.metering.models import Dimension, EventType, Row
from oppulence.metering.windows import WindowSize

Subject = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
MeterKey = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$", description="Id or slug.")]


class Kind(StrEnum):
    """What an export holds."""

    EVENTS = "events"
    WINDOWS = "windows"


class Format(StrEnum):
    """How its files are written."""

    CSV = "csv"
    PARQUET = "parquet"


class Every(StrEnum):
    """How often a schedule exports, and with it how long each period is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def size(self) -> WindowSize:
        """The windows that these periods are."""
        return WindowSize(self.value.upper())


class Status(StrEnum):
    """What became of an export. `scheduled` are schedules, for as long as they stand."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Selection(BaseModel):
    """What of a period is exported."""

    event_types: Annotated[list[EventType] | None, Field(max_length=100, description="Of `events`: only these types.")] = None
    subjects: Annotated[list[Subject] | None, Field(max_length=1000, description="Only of these subjects.")] = None
    meters: Annotated[
        list[MeterKey] | None, Field(max_length=500, description="Of `windows`: only these meters; else all active ones.")
    ] = None
    window_size: Annotated[
        WindowSize | None, Field(description="Of `windows`: how long they are; null is the period as one.")
    ] = None
    group_by: Annotated[
        list[Dimension] | None,
        Field(max_length=20, description="Of `windows`: a row for each subject, customer (`customer_id`) or value of these "
                                         "dimensions; a meter that has not got one leaves its column empty."),
    ] = None  # fmt: skip


class NewExport(Selection, Model):
    """An export of a period, or, with `schedule`, of each whole period from now on."""

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Kind
    format: Annotated[Format, Field(description="Quantities and numbers are exact text in both.")] = Format.CSV
    since: Annotated[Instant | None, Field(alias="from", description="Begin of the period, a whole second.")] = None
    until: Annotated[Instant | None, Field(alias="to", description="First second after the period.")] = None
    schedule: Annotated[Every | None, Field(description="Export each whole hour, day or month of the time zone.")] = None
    time_zone: Annotated[str, Field(max_length=64, description="Of windows and schedules.")] = "UTC"


class Progress(Model):
    """How far an export is."""

    done: Annotated[int, Field(description="Rows of events, or windows of meters.")]
    total: Annotated[int | None, Field(description="Null until the work has begun.")]
    percent: Annotated[int | None, Field(ge=0, le=100)]


class ExportFile(Model):
    """One of an export's files, which are numbered from 1."""

    number: int
    name: str
    rows: int
    bytes: int
    sha256: str
    url: Annotated[str | None, Field(description="Reads the file until the links expire; once the export is complete.")]


class Summary(BaseModel):
    """An export, or a schedule of exports."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    id: str
    kind: Kind
    format: Format
    status: Status
    selection: Selection
    since: Annotated[datetime | None, Field(alias="from")]
    until: Annotated[datetime | None, Field(alias="to")]
    schedule: Every | None
    schedule_id: Annotated[str | None, Field(description="The schedule that made it.")]
    next_at: Annotated[datetime | None, Field(description="Of a schedule: the end of the period that is exported next.")]
    time_zone: str
    settlement: Annotated[int | None, Field(description="All that was settled up to it is in the files, and nothing later.")]
    rows: int
    bytes: int
    progress: Progress
    error: Annotated[str | None, Field(description="Why it failed, or what was in its way last.")]
    requested_at: datetime
    ended_at: datetime | None


class ExportView(Summary):
    """An export with links to its files."""

    files: list[ExportFile]
    manifest_url: Annotated[
        str | None, Field(description="Reads the manifest: columns, and each file with its rows, bytes and SHA-256.")
    ]
    manifest_sha256: str | None
    links_expire_at: datetime | None


class ExportQuery(PageQuery):
    """Filters of exports."""

    status: Status | None = None
    kind: Kind | None = None
    schedule_id: Annotated[str | None, Field(max_length=64, description="Only the exports of this schedule.")] = None


class Export(Row):
    """An export as it is stored. `cursor` is where its next file begins."""

    id: str
    schedule_id: str | None
    kind: Kind
    format: Format
    selection: Selection
    since: datetime | None
    until: datetime | None
    every: Every | None
    time_zone: str
    next_at: datetime | None
    status: Status
    settlement: int | None
    as_of: datetime | None
    cursor: dict[str, Any] | None
    files: int
    rows: int
    bytes: int
    done: int
    total: int | None
    manifest_sha256: str | None
    error: str | None
    failures: int
    requested_at: datetime
    ended_at: datetime | None

    @property
    def period(self) -> tuple[datetime, datetime]:
        """Begin and end of what is exported; a schedule has none."""
        assert self.since is not None and self.until is not None, "exports have a period, schedules make them"
        return self.since, self.until


class File(Row):
    """A file that was written and noted."""

    number: int
    rows: int
    bytes: int
    sha256: str
