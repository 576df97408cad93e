"""Usage alerts as the API takes and shows them."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model
from oppulence.metering.models import Name, Row, digits
from oppulence.metering.windows import WindowSize

_PATTERN = r"^-?[0-9]{1,38}(\.[0-9]{1,20})?$"
_NUMBER: dict[str, Any] = {"anyOf": [{"type": "string", "pattern": _PATTERN}, {"type": "integer"}]}


def _exact(value: object) -> object:
    """A number as it was written: text or whole."""
    if value is None or isinstance(value, Decimal):
        return value
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise ValueError('write a whole number, or any number as text, such as "0.5": it is then exact')  # noqa: TRY004
    if not re.fullmatch(_PATTERN, str(value)):
        raise ValueError("a number has at most 38 digits, and at most 20 after the point")
    return Decimal(value)


Quantity = Annotated[
    Decimal,
    BeforeValidator(_exact),
    PlainSerializer(digits, return_type=str),
    WithJsonSchema(_NUMBER),
]
"""An exact decimal: text, or a whole number."""

Percent = Annotated[
    Decimal,
    Field(ge=0, le=1000, max_digits=10, decimal_places=6),
    BeforeValidator(_exact),
    PlainSerializer(digits, return_type=str),
    WithJsonSchema(_NUMBER),
]
Subject = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]


class Period(StrEnum):
    """In what a quantity is counted, and a threshold told once."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    EVER = "ever"

    @property
    def size(self) -> WindowSize | None:
        """The windows that these periods are; None for `ever`."""
        return None if self is Period.EVER else WindowSize(self.value.upper())


class Threshold(BaseModel):
    """Where an alert is reached: at a quantity, or at a share of one."""

    at: Annotated[Quantity | None, Field(description="The quantity that is to be reached.")] = None
    percent: Annotated[Percent | None, Field(description="Or: this share of `of`.")] = None
    of: Annotated[Quantity | None, Field(description="A quantity that you give, such as what is included.")] = None
    rearm_below: Annotated[
        Quantity | None,
        Field(description="For meters that carry over: once told, it is not told again, in later periods neither, before the "
                          "quantity was seen below this bound; within `ever` it is told again after that."),
    ] = None  # fmt: skip


class NewAlert(Threshold, Model):
    """An alert to be: for one `subject`, or one customer, or, with neither, for each subject by itself."""

    name: Name | None = None
    meter: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$", description="Id or slug.")]
    subject: Subject | None = None
    customer: Annotated[str | None, Field(min_length=1, max_length=255, description="A customer's id or key.")] = None
    period: Period
    time_zone: Annotated[str, Field(max_length=64, description="Of the periods.")] = "UTC"


class AlertChange(Threshold, Model):
    """A change of an alert: only what is sent. Another threshold arms it anew, in the present period too."""

    name: Name | None = None
    revision: Annotated[int | None, Field(description="Change only this revision of the alert; another one is refused.")] = None


class AlertView(BaseModel):
    """An alert."""

    id: str
    name: str | None
    meter_id: str
    subject: str | None
    customer_id: str | None
    period: Period
    time_zone: str
    threshold: Quantity
    percent: Percent | None
    of: Quantity | None
    rearm_below: Quantity | None
    revision: int
    reached_at: Annotated[datetime | None, Field(description="When it was told last.")]
    created_at: datetime
    updated_at: datetime


class AlertQuery(PageQuery):
    """Filters of alerts."""

    meter_id: Annotated[str | None, Field(max_length=64)] = None
    subject: Annotated[str | None, Field(max_length=255)] = None
    customer_id: Annotated[str | None, Field(max_length=64)] = None


class Alert(Row):
    """An alert as it is stored, with what it must know of its meter."""

    id: str
    name: str | None
    meter_id: str
    slug: str
    carry_over: bool
    meter_archived_at: datetime | None
    subject: str | None
    customer_id: str | None
    period: Period
    time_zone: str
    threshold: Decimal
    percent: Decimal | None
    of_quantity: Decimal | None
    rearm_below: Decimal | None
    revision: int
    threshold_revision: int
    threshold_set_at: datetime
    looked: int | None
    look_again_at: datetime | None
    reached_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Hit(Row):
    """An alert's threshold was reached, and told."""

    who: str
    number: int
    period_start: datetime | None
    rearmed_at: datetime | None
