"""Periods of a report: hours, days, weeks and months of a time zone, as instants.

A day is what the zone's clocks call one: 23 or 25 hours long when they change. Periods are cut at the report's own ends.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from oppulence.kernel.errors import ValidationError

MAX_BUCKETS = 800
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Granularity(StrEnum):
    """How long a period is; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Buckets:
    """Periods without gaps, `[starts[n], starts[n + 1])`, the last one until `until`; all in UTC."""

    starts: tuple[datetime, ...]
    until: datetime

    def end_of(self, index: int) -> datetime:
        """Where a period ends."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else self.until

    @property
    def seconds(self) -> list[int]:
        """The starts as seconds since 1970, as the analytical store takes them."""
        return [int(start.timestamp()) for start in self.starts]


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        ValidationError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError("Name an IANA time zone, such as Europe/Berlin.", param="time_zone") from error


def buckets(since: datetime, until: datetime, granularity: Granularity, tz: ZoneInfo) -> Buckets:
    """The periods of `[since, until)`; whole seconds.

    Raises:
        ValidationError: `until` is not after `since`, they are centuries away, or hold more than `MAX_BUCKETS` periods.
    """
    since, until = (at.astimezone(UTC).replace(microsecond=0) for at in (since, until))
    if since < _EARLIEST or until > _LATEST:
        raise ValidationError(f"A report lies between {_EARLIEST:%Y} and {_LATEST:%Y}.", param="since")
    if until <= since:
        raise ValidationError("`until` must be after `since`.", param="until")
    starts, local = [since], _floor(since.astimezone(tz), granularity)
    while (start := (local := _next(local, granularity)).astimezone(UTC)) < until:
        if start > since:  # a clock that is set back at midnight shows it twice
            starts.append(start)
        if len(starts) > MAX_BUCKETS:
            raise ValidationError(
                f"A report has at most {MAX_BUCKETS} periods: ask for less time, or a coarser granularity.", param="granularity"
            )
    return Buckets(tuple(starts), until)


def _floor(local: datetime, granularity: Granularity) -> datetime:
    if granularity is Granularity.HOUR:
        return local.replace(minute=0, second=0)
    midnight = local.replace(hour=0, minute=0, second=0, fold=0)
    match granularity:
        case Granularity.WEEK:
            return midnight - timedelta(days=midnight.weekday())
        case Granularity.MONTH:
            return midnight.replace(day=1)
    return midnight


def _next(local: datetime, granularity: Granularity) -> datetime:
    """The next period's start by the zone's clocks: hours go by real time, the others by the calendar."""
    match granularity:
        case Granularity.HOUR:
            return (local.astimezone(UTC) + timedelta(hours=1)).astimezone(local.tzinfo)
        case Granularity.DAY:
            return local + timedelta(days=1)
        case Granularity.WEEK:
            return local + timedelta(days=7)
    return (local.replace(day=1) + timedelta(days=32)).replace(day=1)
