"""Whole hours, days, weeks and months of a time zone, one at a time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oppulence.metering.windows import Window, WindowSize, windows

_LONGER = {
    WindowSize.MINUTE: timedelta(minutes=3), WindowSize.HOUR: timedelta(hours=3), WindowSize.DAY: timedelta(days=3),
    WindowSize.WEEK: timedelta(days=15), WindowSize.MONTH: timedelta(days=63),
}  # fmt: skip
"""Time in which such a period begins and ends, whatever the clocks do."""


def next_end(size: WindowSize, tz: ZoneInfo, after: datetime) -> datetime:
    """The first end of a period after an instant."""
    after = after.replace(microsecond=0)
    return windows(Window(after, after + _LONGER[size]), size, tz)[0].end


def ending(size: WindowSize, tz: ZoneInfo, end: datetime) -> Window:
    """The period that ends then."""
    return windows(Window(end - _LONGER[size], end), size, tz)[-1]


def around(size: WindowSize, tz: ZoneInfo, at: datetime) -> Window:
    """The period in which an instant lies."""
    return ending(size, tz, next_end(size, tz, at))
