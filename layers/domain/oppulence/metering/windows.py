"""Windows of a period: minutes, hours, days, weeks and months of a time zone. Half-open, whole seconds, in UTC.

The windows of a period tile it: the first and the last are cut at its ends. What a zone's clocks do decides where one ends:
- a minute or hour that clocks show twice is two windows, and a change in mid-hour ends one;
- a day begins when clocks first show its midnight or, where they skip that, the first instant after it; it has 23 to 25 hours
  when they change, and a date that a zone skipped is none. Weeks begin on Monday.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from oppulence.metering.errors import InvalidPeriod, TooManyWindows, UnknownTimeZone

MAX_WINDOWS = 100_000
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_SECOND = timedelta(seconds=1)


class WindowSize(StrEnum):
    """How long a window is."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Window(NamedTuple):
    """`[start, end)`, UTC."""

    start: datetime
    end: datetime


_SHORTEST = {
    WindowSize.MINUTE: timedelta(minutes=1), WindowSize.HOUR: timedelta(hours=1), WindowSize.DAY: timedelta(hours=24),
    WindowSize.WEEK: timedelta(days=7), WindowSize.MONTH: timedelta(days=28),
}  # fmt: skip
"""What the number of windows is estimated by; clocks that change add a few."""


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name.

    Raises:
        UnknownTimeZone: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownTimeZone("Use a name of the IANA database, such as Europe/Vienna.", param="time_zone") from error


def whole(since: datetime, until: datetime, begin: str = "from") -> Window:
    """The period as one window. `begin` is what callers call its begin.

    Raises:
        InvalidPeriod: it is empty, does not begin and end with a second, or lies where nothing is counted.
    """
    period = Window(since.astimezone(UTC), until.astimezone(UTC))
    for name, at in zip((begin, "to"), period, strict=True):
        if at.microsecond:
            raise InvalidPeriod("A period begins and ends with a second. Leave out the fractions.", param=name)
        if not EARLIEST <= at <= LATEST:
            raise InvalidPeriod(f"A period lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}.", param=name)
    if period.end <= period.start:
        raise InvalidPeriod("`to` is the first instant after the period, so it is after `from`.", param="to")
    return period


def windows(period: Window, size: WindowSize, tz: ZoneInfo, most: int = MAX_WINDOWS) -> list[Window]:
    """The windows of a period, in order.

    Raises:
        TooManyWindows: there are more than `most`.
    """
    if (period.end - period.start) // _SHORTEST[size] > most:
        raise TooManyWindows(
            f"The period has more than {most} windows of a {size}. Ask for a shorter period, or for larger windows.",
            param="window_size",
        )
    edges = [period.start, *_edges(period, size, tz), period.end]
    return list(map(Window, edges, edges[1:]))


def _edges(period: Window, size: WindowSize, tz: ZoneInfo) -> Iterator[datetime]:
    """Where windows meet, strictly inside the period."""
    if size in (WindowSize.MINUTE, WindowSize.HOUR):
        yield from _by_clock(period, 60 if size is WindowSize.MINUTE else 3600, tz)
        return
    last, date = period.start, period.start.astimezone(tz).replace(tzinfo=None, hour=0, minute=0, second=0, fold=0)
    date -= timedelta(days=date.weekday() if size is WindowSize.WEEK else date.day - 1 if size is WindowSize.MONTH else 0)
    while (edge := _first_instant(date, tz)) < period.end:
        if edge > last:
            yield (last := edge)
        date = _next(date, size)


def _by_clock(period: Window, length_s: int, tz: ZoneInfo) -> Iterator[datetime]:
    at = period.start
    if tz.key == "UTC":
        length = timedelta(seconds=length_s)
        at -= timedelta(minutes=at.minute if length_s > 60 else 0, seconds=at.second)  # noqa: PLR2004
        while (at := at + length) < period.end:
            yield at
        return
    while True:
        local = at.astimezone(tz)
        edge = at + timedelta(seconds=length_s - (local.minute * 60 + local.second) % length_s)
        if edge.astimezone(tz).utcoffset() != local.utcoffset():
            edge = _change(at, edge, tz)
        if edge >= period.end:
            return
        yield (at := edge)


def _next(date: datetime, size: WindowSize) -> datetime:
    if size is WindowSize.MONTH:
        return (date + timedelta(days=31)).replace(day=1)
    return date + timedelta(days=7 if size is WindowSize.WEEK else 1)


def _first_instant(wall: datetime, tz: ZoneInfo) -> datetime:
    """When clocks first show this time or, where they skip it, the instant at which they skip."""
    found = wall.replace(tzinfo=tz).astimezone(UTC)
    if found.astimezone(tz).replace(tzinfo=None) == wall:
        return found
    return _change(wall.replace(tzinfo=tz, fold=1).astimezone(UTC), found, tz)


def _change(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    """The first second of `(before, after]` at which clocks run otherwise than at `before`."""
    offset = before.astimezone(tz).utcoffset()
    low, high = 0, (after - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if (before + middle * _SECOND).astimezone(tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + high * _SECOND
