"""Quantities over HTTP: questions as callers put them, answers in pages, as CSV, or as a file behind a link."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter
from pydantic_core import to_json

from oppulence.kernel import clock
from oppulence.kernel.ids import new_id
from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import After, Page, PageQuery, Pagination, paginate
from oppulence.kernel.request import prefers
from oppulence.kernel.response import Response
from oppulence.kernel.uow import Scope
from oppulence.metering import query as quantities
from oppulence.metering import sent_gateway
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import UnknownDimension
from oppulence.metering.exports import files_gateway
from oppulence.metering.models import digits, tame
from oppulence.metering.query import Question, Reading, Row
from oppulence.metering.tails import Keys
from oppulence.metering.windows import WindowSize

FILES = "usage-answers/"
"""Prefix of answers' files in the bucket, which deletes them after a day: their links work for minutes."""

MAX_FILE_ROWS = 1_000_000
_PER_READING = 50_000
_MAX_CURSOR = 170_000
"""The longest that is given out: 20 dimensions of 1,024 characters, six bytes each in JSON, and a third more in base64."""
_CSV = "text/csv"
_COLUMNS = ("window_start", "window_end", "value")
"""Of CSV, with the dimensions before the last; one that has such a name itself gets a prefix."""
_DIGITS = re.compile(r"[0-9]{1,15}")
_MOST_NUMBER = 10**15
_INSTANT = TypeAdapter[datetime](Instant)


def listed(value: Any) -> Any:  # noqa: ANN401
    """In a query string a name that is given once is a list of one."""
    return [value] if isinstance(value, str) else value


def _number_or_instant(value: Any) -> Any:  # noqa: ANN401
    """A settlement's number where digits stand, else an instant; told apart here, so that errors name the field alone."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if value is None or type(value) is int and 0 <= value < _MOST_NUMBER:
        return value
    return _INSTANT.validate_python(value)


Text = Annotated[str, Field(min_length=1, max_length=1024)]
Texts = Annotated[list[Text], BeforeValidator(listed), Field(max_length=1000)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=63)]], BeforeValidator(listed), Field(max_length=22)]
AsOf = Annotated[
    int | Instant | None,
    BeforeValidator(_number_or_instant),
    Field(
        description="What had been settled by an instant, or up to the settlement of a number; null is now, and what has landed."
    ),
]


class Format(StrEnum):
    """Form of an answer."""

    JSON = "json"
    CSV = "csv"


class Asking(PageQuery):
    """A question to a meter. The period is half-open and of whole seconds."""

    limit: Annotated[int, Field(ge=1, le=20_000, description="Rows a page.")] = 10_000
    cursor: Annotated[
        str | None,
        Field(max_length=_MAX_CURSOR, description="`next_cursor` of the page before. A long one goes with a POST."),
    ] = None
    since: Annotated[Instant, Field(alias="from", description="The first second that counts.")]
    until: Annotated[Instant, Field(alias="to", description="The first second that does not.")]
    window_size: Annotated[WindowSize | None, Field(description="Null: the period is one window.")] = None
    time_zone: Annotated[str, Field(max_length=64, description="IANA name: where hours, days, weeks and months begin.")] = "UTC"
    subjects: Annotated[Texts, Field(description="Only these.")] = []
    customers: Annotated[Texts, Field(description="Only the usage of these, by id or key.")] = []
    group_by: Annotated[Names, Field(description="Dimensions of the meter, `subject` and `customer_id`.")] = []
    as_of: AsOf = None
    known_at: Annotated[
        Instant | None,
        Field(description="What was known of customers and meters by an instant; null is the instant `as_of`, else now."),
    ] = None
    format: Format = Format.JSON
    link: Annotated[bool, Field(description="All of the answer in a file behind a link: CSV, or JSON lines.")] = False


class QuantityQuery(Asking):
    """A question in a query string; lists are names given several times."""

    filter_group_by: Annotated[
        Texts, Field(description="`dimension=value`: one of a dimension's values must hold; `dimension` alone is no value.")
    ] = []

    def question(self, meter: str) -> Question:
        """What is asked."""
        return _question(meter, self, filters_of(self.filter_group_by))


class QuantityBody(Asking):
    """A question as a body."""

    filter_group_by: Annotated[
        dict[str, Annotated[list[Text | None], Field(min_length=1, max_length=1000)]],
        Field(max_length=20, description="By dimension the values of which one must hold; null is no value."),
    ] = {}

    def question(self, meter: str) -> Question:
        """What is asked."""
        return _question(meter, self, self.filter_group_by)


class Quantity(BaseModel):
    """The quantity of a window, and of what is grouped by."""

    window_start: datetime
    window_end: Annotated[datetime, Field(description="The window ends before this instant.")]
    subject: Annotated[str | None, Field(description="Null without it in `group_by`.")]
    customer_id: Annotated[str | None, Field(description="Null without it in `group_by`, or where the usage is nobody's.")]
    groups: Annotated[dict[str, str | None], Field(description="Dimensions that are grouped by.")]
    value: Annotated[str | None, Field(description="Exact. Null where there is none, such as the average of nothing.")]


class Moment(BaseModel):
    """What an answer is of."""

    meter_id: str
    slug: str
    unit: str | None
    settlement: Annotated[
        int,
        Field(
            description="All that was settled up to this number is in it. With it as `as_of`, and `known_at`, the answer can be "
            "had again, less what was not settled."
        ),
    ]
    known_at: Annotated[datetime, Field(description="Whose subjects are, and what meters are, as was known at this instant.")]
    unsettled: Annotated[bool, Field(description="The answer also has what has landed and is not settled yet.")]
    queued: Annotated[bool, Field(description="Something was accepted that is not in the answer yet; it soon will be.")]


class Quantities(Moment):
    """A page of an answer. Windows in which nothing counted are left out."""

    data: list[Quantity]
    pagination: Pagination


class QuantitiesFile(Moment):
    """An answer as a file."""

    url: Annotated[str, Field(description="Reads the file until `expires_at`.")]
    expires_at: datetime
    rows: int
    bytes: int
    sha256: str


def answered(
    scope: Scope, meter: str, asking: QuantityQuery | QuantityBody, accept: str | None
) -> Quantities | QuantitiesFile | Response:
    """The answer to a question, in the form that was asked for.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects, InvalidPeriod, TooManyWindows, UnknownTimeZone,
        InvalidCursor
        TooManyRows: a file would have more than `MAX_FILE_ROWS`.
    """
    question = asking.question(meter)
    if question.as_of is None:
        question = replace(question, sent=sent_gateway.last(scope.workspace_id or ""))
    reading = quantities.read(scope, question)
    chosen = "format" in asking.model_fields_set
    as_csv = asking.format is Format.CSV if chosen else prefers(accept, _CSV, "application/json")
    if asking.link:
        return _file(scope, reading, as_csv=as_csv)
    page = _page(scope, asking, reading)
    if not as_csv:
        return Quantities(**moment(reading), data=page.data, pagination=page.pagination)
    told = {name: str(value) for name, value in moment(reading).items() if name in ("settlement", "unsettled", "queued")}
    headers = {f"X-{name.title()}": value.lower() for name, value in told.items()}
    headers["X-Known-At"] = f"{reading.asked.known_at:%Y-%m-%dT%H:%M:%S.%fZ}"
    if page.pagination.next_cursor:
        headers["X-Next-Cursor"] = page.pagination.next_cursor
    names = list(reading.asked.group_by)
    return Response(200, _lines(names, page.data, head=True), f"{_CSV}; charset=utf-8", headers)


def filters_of(texts: Sequence[str]) -> dict[str, list[str | None]]:
    """Values by dimension, of texts such as `dimension=value`."""
    filters: dict[str, list[str | None]] = {}
    for text in texts:
        name, found, value = text.partition("=")
        filters.setdefault(name, []).append(value if found else None)
    return filters


def _question(meter: str, asking: Asking, filters: dict[str, list[str | None]]) -> Question:
    if reserved := next((name for name in filters if name in RESERVED), None):
        raise UnknownDimension(f"Filter by {reserved} with `subjects` and `customers`.", param="filter_group_by")
    return Question(
        meter, asking.since, asking.until, asking.window_size, asking.time_zone, tuple(asking.subjects), tuple(asking.customers),
        tuple(asking.group_by), {name: tuple(values) for name, values in filters.items()}, asking.as_of,
        asking.known_at,
    )  # fmt: skip


def _page(scope: Scope, asking: Asking, reading: Reading) -> Page[Quantity]:
    def fetch(after: After | None, most: int) -> list[Quantity]:
        place = None if after is None else (datetime.fromisoformat(after[0]), tuple(after[1:]))
        return [_shown(row) for row in reading.rows(place, most)]

    def key(row: Quantity) -> After:
        own = {**row.groups, "subject": row.subject, "customer_id": row.customer_id}
        return (row.window_start, *(own[name] for name in reading.asked.group_by))

    return paginate(scope, asking, fetch, key)


def _shown(row: Row) -> Quantity:
    return Quantity.model_construct(
        window_start=row.window_start, window_end=row.window_end, subject=row.subject, customer_id=row.customer_id,
        groups=row.groups, value=None if row.value is None else digits(row.value),
    )  # fmt: skip


def moment(reading: Reading) -> dict[str, Any]:
    """What the fields of `Moment` are."""
    asked = reading.asked
    return {
        "meter_id": asked.meter.id, "slug": asked.meter.slug, "unit": asked.meter.unit, "settlement": asked.snapshot.settled,
        "known_at": asked.known_at, "unsettled": bool(asked.tail), "queued": asked.queued,
    }  # fmt: skip


def _file(scope: Scope, reading: Reading, *, as_csv: bool) -> QuantitiesFile:
    kind = "csv" if as_csv else "ndjson"
    key = f"{FILES}{scope.workspace_id}/{new_id('qry')}.{kind}"
    counted = [0]
    content_type = _CSV if as_csv else "application/x-ndjson"
    size, digest = files_gateway.write(key, _pieces(reading, counted, as_csv=as_csv), content_type)
    url = files_gateway.link(key, f"{reading.asked.meter.slug}.{kind}")
    expires_at = clock.now() + timedelta(seconds=files_gateway.LINK_S)
    return QuantitiesFile(**moment(reading), url=url, expires_at=expires_at, rows=counted[0], bytes=size, sha256=digest)


def _pieces(reading: Reading, counted: list[int], *, as_csv: bool) -> Iterator[bytes]:
    """The whole answer, all of it read as of one moment."""
    names = list(reading.asked.group_by)
    place: tuple[datetime, Keys] | None = None
    if as_csv:
        yield _lines(names, [], head=True)
    while rows := reading.rows(place, _PER_READING):
        counted[0] += len(rows)
        if counted[0] > MAX_FILE_ROWS:
            raise quantities.too_many(MAX_FILE_ROWS)
        shown = [_shown(row) for row in rows]
        yield _lines(names, shown, head=False) if as_csv else b"".join(to_json(row) + b"\n" for row in shown)
        place = reading.key(rows[-1])
        if len(rows) < _PER_READING:
            return


def _lines(names: Sequence[str], rows: Sequence[Quantity], *, head: bool) -> bytes:
    """Rows as RFC 4180; a text that a spreadsheet would take for a formula has an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text)
    if head:
        dimensions = (f"group_{name}" if name in _COLUMNS else name for name in names)
        writer.writerow([*_COLUMNS[:-1], *dimensions, _COLUMNS[-1]])
    for row in rows:
        own = {**row.groups, "subject": row.subject, "customer_id": row.customer_id}
        times = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (row.window_start, row.window_end))
        writer.writerow([*times, *(tame(own[name]) for name in names), row.value or ""])
    return text.getvalue().encode()
