"""What the API takes and shows of imports, and what their rows hold."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model
from oppulence.metering.imports.columns import TARGET_PATTERN
from oppulence.metering.models import Row

SIZE_MAX = 5 * 1024**3
"""Bytes of a file: what S3 takes in one upload."""

ERRORS_MAX = 10_000
"""Rejected lines that the error file holds; all of them are counted."""

KEPT_DAYS = 7

Header = Annotated[str, Field(min_length=1, max_length=255)]
Target = Annotated[str, Field(max_length=512, pattern=TARGET_PATTERN)]


class Status(StrEnum):
    """An import's. `waiting` for its file; `expired`: the file never came."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class NewImport(Model):
    """A file to come: UTF-8, not compressed, with LF or CRLF at line ends.

    NDJSON has one event a line, in any of the forms of `POST /v1/events`. CSV has a header; its columns are `id`, `source`,
    `type`, `subject` or `customer`, `time`, and `data` (JSON) or `data.<name>` (a JSON number is a number, all else is text).
    An event without an id is known by the import and its line.
    """

    format: Literal["ndjson", "csv"]
    size_bytes: Annotated[int, Field(ge=1, le=SIZE_MAX, description="The file's size; an upload of another size is refused.")]
    columns: Annotated[
        dict[Header, Target | None],
        Field(
            max_length=200,
            description="Of CSV: what columns with other names are, such as `user_id: subject`; null leaves one out.",
        ),
    ] = {}
    delimiter: Annotated[Literal[",", ";", "\t", "|"], Field(description="Of CSV: what stands between cells.")] = ","
    source: Annotated[
        str | None, Field(min_length=1, max_length=255, description="Of events that name none; the key's name if left out.")
    ] = None
    max_rejected: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000_000,
            description="Lines that cannot be read are left out, and the error file says why. With more than this number of them "
            "the import fails; what it accepted before stays.",
        ),
    ] = 10_000


class Upload(Model):
    """How to send the file: this method, to this URL, with exactly these headers, until it expires."""

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: datetime


class ImportSummary(Model):
    """An import and how far it is."""

    id: str
    format: Literal["ndjson", "csv"]
    source: str
    status: Status
    reason: Annotated[str | None, Field(description="Why it failed.")]
    size_bytes: int
    bytes_read: int
    lines_read: Annotated[int, Field(description="Lines of the file, empty ones and the header too.")]
    accepted: Annotated[int, Field(description="Events; of those with the same source and id the first one counts, as ever.")]
    rejected: int
    max_rejected: int
    lines_per_second: float | None
    remaining_s: Annotated[int | None, Field(description="Seconds, if it goes on as it went; null where nobody can say.")]
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ImportView(ImportSummary):
    """An import with its links."""

    upload: Annotated[Upload | None, Field(description="Only in the answer to whoever asked for the import.")] = None
    errors_url: Annotated[
        str | None,
        Field(
            description=f"The first {ERRORS_MAX:,} rejected lines so far, as NDJSON: line, field, reason, text. The link works "
            f"for an hour; all files are deleted {KEPT_DAYS} days after the import was asked for."
        ),
    ] = None


class ImportQuery(PageQuery):
    """Filters of imports."""

    status: Status | None = None


class Import(Row):
    """A row of metering.imports."""

    workspace_id: str
    id: str
    format: Literal["ndjson", "csv"]
    delimiter: str
    columns: dict[str, str | None]
    source: str
    size_bytes: int
    most_rejected: int
    status: Status
    reason: str | None
    etag: str | None
    header: str | None
    position: int
    lines: int
    skipping: bool
    stamped_at: datetime | None
    oldest: datetime | None
    accepted: int
    rejected: int
    errors_bytes: int
    execution_name: str | None
    execution_arn: str | None
    executions: int
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    removed_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.ended_at is not None
