"""Meters: what the API takes and shows of them, and what the rules of counting read."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model

SLUG_PATTERN = r"^[a-z0-9]+(?:_[a-z0-9]+)*$"
PATH_TEXT = "JSONPath to one value of the event's data: `$.a.b[0]['c d']`."

Slug = Annotated[str, Field(max_length=64, pattern=SLUG_PATTERN, description="Its name in paths; unique among active meters.")]
EventType = Annotated[
    str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$", description="`type` of the events that count.")
]
Path = Annotated[str, Field(max_length=512, description=PATH_TEXT)]
Dimension = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(max_length=500)]],
    Field(max_length=50, description="Your own notes."),
]
Scalar = str | bool | int | float | None

_SCALAR: dict[str, Any] = {"anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "null")]}


def digits(number: Decimal) -> str:
    """An exact number as text: no exponent, and nothing at its end that says nothing."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def tame(text: str | None) -> str:
    """A text for CSV: one that a spreadsheet would take for a formula gets an apostrophe before it; none is empty."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text or ""


class Aggregation(StrEnum):
    """What becomes of the values of a window."""

    COUNT = "COUNT"
    SUM = "SUM"
    AVG = "AVG"
    MIN = "MIN"
    MAX = "MAX"
    UNIQUE_COUNT = "UNIQUE_COUNT"
    LATEST = "LATEST"
    PERCENTILE = "PERCENTILE"
    WEIGHTED_SUM = "WEIGHTED_SUM"


class MeterStatus(StrEnum):
    """An archived meter counts what happened before, and stays."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class Filter(Model):
    """One condition (`path`, `op`, `value`), or several of which all (`and`) or one (`or`) must hold.

    Values are compared as what they are: text with text, numbers with numbers. Null and absent are the same.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    path: Path | None = None
    op: Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "exists", "contains"] | None = None
    value: Annotated[
        Any,
        Field(description="A list for `in`; true or false for `exists`; for `contains` a part of a text, or an item of a list."),
        WithJsonSchema({"anyOf": [*_SCALAR["anyOf"], {"type": "array", "items": _SCALAR}]}),
    ] = None
    and_: Annotated[list["Filter"] | None, Field(alias="and")] = None
    or_: Annotated[list["Filter"] | None, Field(alias="or")] = None


class Rounding(Model):
    """How a quantity is rounded, once, after everything else. `round` takes halves away from zero."""

    mode: Literal["round", "ceil", "floor"]
    precision: Annotated[int, Field(ge=-30, le=20, description="Digits after the point; -2 is whole hundreds.")] = 0


class Measure(BaseModel):
    """How values become a quantity: the same for all of a meter's life."""

    aggregation: Aggregation
    percentile: Annotated[
        Decimal | None, Field(gt=0, le=100, max_digits=7, decimal_places=4, description="For PERCENTILE, by nearest rank.")
    ] = None
    carry_over: Annotated[
        bool,
        Field(
            description="A window begins with what earlier events left: for SUM, UNIQUE_COUNT, LATEST and WEIGHTED_SUM. Of"
            " customers, what a subject's events left goes along when the subject changes hands."
        ),
    ] = False
    prorated: Annotated[
        Literal["day", "second"] | None,
        Field(description="For SUM and UNIQUE_COUNT that carry over: each unit counts for its share of the window's days, the "
                          "first and the last one included, or of its seconds."),
    ] = None  # fmt: skip


class Definition(BaseModel):
    """What a meter counts. A change of it makes a new version."""

    event_type: EventType
    value_property: Annotated[Path | None, Field(description=f"{PATH_TEXT} Not for COUNT.")] = None
    operation_property: Annotated[
        Path | None, Field(description="For UNIQUE_COUNT: where `add` or `remove` stands; absent is `add`.")
    ] = None
    group_by: Annotated[dict[Dimension, Path], Field(max_length=20, description="Dimensions, each with its path.")] = {}
    filter: Filter | None = None
    rounding: Rounding | None = None


class Display(BaseModel):
    """What a meter says of itself to people. It is not versioned."""

    name: Name | None = None
    description: Annotated[str | None, Field(max_length=1000)] = None
    unit: Annotated[str | None, Field(min_length=1, max_length=64, description="Of the quantity, such as `GB`.")] = None
    metadata: Metadata = {}


class NewMeter(Display, Measure, Definition, Model):
    """A meter to be."""

    slug: Slug
    effective_from: Annotated[
        Instant | None,
        Field(description="Events before do not count. Now if left out; null counts events of any time."),
    ] = None


class MeterChange(Model):
    """A change of a meter. In it only the fields that are sent count."""

    name: Name | None = None
    description: Annotated[str | None, Field(max_length=1000)] = None
    unit: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    metadata: Metadata | None = None
    event_type: EventType | None = None
    value_property: Path | None = None
    operation_property: Path | None = None
    group_by: Annotated[dict[Dimension, Path] | None, Field(max_length=20)] = None
    filter: Filter | None = None
    rounding: Rounding | None = None
    effective_from: Annotated[
        Instant | None, Field(description="From when on the change of what is counted holds: now, or later.")
    ] = None
    revision: Annotated[int | None, Field(description="Change only this revision of the meter; another one is refused.")] = None


class Row(BaseModel):
    """Base of what is read from the database."""

    model_config = ConfigDict(frozen=True)


class MeterVersion(Measure, Definition, Row):
    """What a meter counts in `[effective_from, effective_until)`, by the events' own time."""

    meter_id: str
    slug: str
    version: Annotated[int, Field(description="1, 2, ... within the meter.")]
    effective_from: Annotated[datetime | None, Field(description="Null: since ever.")]
    effective_until: Annotated[datetime | None, Field(description="The next version's beginning, or the meter's end.")]

    def covers(self, time: datetime) -> bool:
        """Whether an event of that time is this version's to count."""
        return (self.effective_from is None or self.effective_from <= time) and (
            self.effective_until is None or time < self.effective_until
        )


class Meter(Display, Measure, Definition, Row):
    """A meter, with the newest version of what it counts."""

    id: str
    slug: str
    status: MeterStatus
    version: Annotated[int, Field(description="The newest version; it may begin later.")]
    effective_from: Annotated[datetime | None, Field(description="When that version begins; null: since ever.")]
    used_at: Annotated[datetime | None, Field(description="Since when something was counted; null: it can still be deleted.")]
    revision: Annotated[int, Field(description="Rises with each change of the meter.")]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


class MeterQuery(PageQuery):
    """Filters of meters."""

    status: MeterStatus = MeterStatus.ACTIVE
    event_type: Annotated[str | None, Field(max_length=255, description="Only meters that count events of this type.")] = None
    aggregation: Aggregation | None = None


class VersionQuery(PageQuery):
    """A page of a meter's versions."""
