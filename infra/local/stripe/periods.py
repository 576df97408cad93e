"""Billing periods by the calendar: a month from 31 January ends on the last day of February, the one after that on 31 March."""

import calendar
from datetime import UTC, datetime, timedelta

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}


def after(start: int, recurring: dict[str, object], anchor: int) -> int:
    """The second at which the period that begins at `start` ends; `anchor` gives day and time of calendar periods."""
    count = int(str(recurring["interval_count"]))
    interval = str(recurring["interval"])
    begun = datetime.fromtimestamp(start, UTC)
    if interval in DAYS:
        return int((begun + timedelta(days=DAYS[interval] * count)).timestamp())
    fixed = datetime.fromtimestamp(anchor, UTC)
    month = begun.month - 1 + MONTHS[interval] * count
    year, month = begun.year + month // 12, month % 12 + 1
    day = min(fixed.day, calendar.monthrange(year, month)[1])
    return int(fixed.replace(year=year, month=month, day=day).timestamp())
