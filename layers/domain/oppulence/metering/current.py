"""What a subject, a customer or a whole workspace has used so far, as of now."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from oppulence.kernel.instant import Instant
from oppulence.kernel.uow import Scope
from oppulence.metering import periods, query, sent_gateway
from oppulence.metering.answers import Moment, Text, moment
from oppulence.metering.errors import InvalidPeriod
from oppulence.metering.models import Aggregation, digits
from oppulence.metering.query import Question
from oppulence.metering.windows import Window, WindowSize, whole, zone

AHEAD = timedelta(minutes=5)
"""Events may be so far ahead of our clock."""


class Period(StrEnum):
    """Periods that a number can be current in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class CurrentQuery(BaseModel):
    """Whose usage, and since when. Without a subject and a customer: everybody's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Text | None = None
    customer: Annotated[Text | None, Field(description="Its id or key.")] = None
    period: Annotated[Period, Field(description="Which period of the time zone it is that goes on now.")] = Period.MONTH
    since: Annotated[Instant | None, Field(description="Instead of a period: from this second on.")] = None
    time_zone: Annotated[str, Field(max_length=64, description="IANA name: where days, weeks and months begin.")] = "UTC"


class CurrentUsage(Moment):
    """A quantity that may still change."""

    subject: str | None
    customer: str | None
    since: datetime
    until: Annotated[datetime, Field(description="The first instant that is not in it.")]
    value: Annotated[str | None, Field(description="Exact. Null where there is none yet.")]


def usage(scope: Scope, meter: str, asked: CurrentQuery, now: datetime) -> CurrentUsage:
    """The quantity by now.

    Raises:
        MeterNotFound, CustomerNotFound, TooManySubjects, UnknownTimeZone
        InvalidPeriod: `since` is not over, not a whole second, or lies where nothing is counted.
    """
    window = _window(asked, now)
    subjects = () if asked.subject is None else (asked.subject,)
    customers = () if asked.customer is None else (asked.customer,)
    sent = sent_gateway.last(scope.workspace_id or "")
    reading = query.read(scope, Question(meter, *window, None, asked.time_zone, subjects, customers, sent=sent))
    if reading.asked.meter.measure.aggregation is Aggregation.WEIGHTED_SUM:
        window = Window(window.start, min(window.end, _after(now)))
        reading = reading.within(window)
    (row,) = reading.rows()
    return CurrentUsage(
        **moment(reading), subject=asked.subject, customer=asked.customer, since=window.start, until=window.end,
        value=None if row.value is None else digits(row.value),
    )  # fmt: skip


def _window(asked: CurrentQuery, now: datetime) -> Window:
    if asked.since is None:
        return periods.around(WindowSize(asked.period), zone(asked.time_zone), now)
    if asked.since > now:
        raise InvalidPeriod("The period has not begun. Name an instant that is over.", param="since")
    return whole(asked.since, _after(now + AHEAD), "since")


def _after(at: datetime) -> datetime:
    """The first whole second after an instant."""
    return at.replace(microsecond=0) + timedelta(seconds=1)
