"""Quantities: what the values of a window come to. Exact functions of rows, whatever order they come in.

Without `carry_over` a window begins with nothing; with it, with what all earlier rows left. Two rows of one instant count in
the order in which they were accepted.

| aggregation | quantity of `[start, end)` | of no rows |
| --- | --- | --- |
| COUNT, SUM | the sum of the values; with `carry_over` of all values before `end` | 0 |
| AVG | sum over count, an exact fraction | none |
| MIN, MAX | the least, the greatest value | none |
| LATEST | the last value; with `carry_over` the last one before `end` | none |
| PERCENTILE p | of n values in order the one at place ceil(n * p / 100), which is always one that was sent | none |
| UNIQUE_COUNT | ids that the last operation added | 0 |
| WEIGHTED_SUM | values change a level: its average over the window's seconds | 0 |

Prorated, each unit counts for its share of the window. By second: from the second of its event on. By day: a value above 0
from its event's day on, one below 0 from the day after, so that what is added and taken back was there on both days; an id
counts every day on which it was there at any moment. Days are those of the time zone; one that the window cuts counts whole.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

from oppulence.metering.models import Aggregation, Measure, Rounding
from oppulence.metering.windows import Window, WindowSize, windows

MAX_PLACES = 20
"""Digits after the point of a quantity that no rule rounds; halves go away from zero."""

EXACT = Context(prec=400, traps=[Inexact, InvalidOperation])
"""Arithmetic that raises rather than rounds."""

_ONE, _TEN = Decimal(1), Decimal(10)
_SECOND = timedelta(seconds=1)
_UTC = ZoneInfo("UTC")
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A value that counts: `number` is 1 for COUNT; for UNIQUE_COUNT 1 adds `text` and -1 removes it."""

    time: datetime
    number: Decimal
    text: str | None = None
    stored_at: datetime = _EVER
    sequence: int = 0
    source: str = ""
    id: str = ""

    @property
    def place(self) -> tuple[datetime, datetime, int, str, str]:
        """Where it stands in time: no two rows of a meter have the same place."""
        return self.time, self.stored_at, self.sequence, self.source, self.id


def quantity(measure: Measure, rows: Iterable[Row], window: Window, tz: ZoneInfo = _UTC) -> Fraction | None:
    """The exact quantity of a window; None where there is none. `rows` may hold others than the window's: time decides."""
    counted = [row for row in rows if row.time < window.end and (measure.carry_over or row.time >= window.start)]
    numbers = [row.number for row in counted]
    match measure.aggregation:
        case Aggregation.UNIQUE_COUNT:
            return _unique(measure, sorted(counted, key=lambda row: row.place), window, tz)
        case Aggregation.WEIGHTED_SUM:
            return _by_second(counted, window)
        case Aggregation.SUM if measure.prorated is not None:
            return _by_second(counted, window) if measure.prorated == "second" else _by_day(counted, window, tz)
        case Aggregation.COUNT | Aggregation.SUM:
            return Fraction(total(numbers))
    if not counted:
        return None
    match measure.aggregation:
        case Aggregation.AVG:
            return Fraction(total(numbers)) / len(numbers)
        case Aggregation.MIN:
            return Fraction(min(numbers))
        case Aggregation.MAX:
            return Fraction(max(numbers))
        case Aggregation.LATEST:
            return Fraction(max(counted, key=lambda row: row.place).number)
    return Fraction(nearest_rank(sorted(numbers), measure.percentile or Decimal(100)))


def rounded(exact: Fraction, rule: Rounding | None) -> Decimal:
    """A quantity as it is shown and billed: rounded once, by the meter's rule, else to 20 digits after the point.

    `round` takes halves away from zero; `ceil` and `floor` go up and down, for negative quantities too.
    """
    precision = MAX_PLACES if rule is None else rule.precision
    scaled = exact * Fraction(10) ** precision
    match rule.mode if rule else "round":
        case "ceil":
            units = ceil(scaled)
        case "floor":
            units = floor(scaled)
        case _:
            units = floor(abs(scaled) + Fraction(1, 2)) * (-1 if scaled < 0 else 1)
    if precision <= 0:
        return Decimal(units * 10**-precision)
    return plain(EXACT.scaleb(Decimal(units), -precision))


def plain(number: Decimal) -> Decimal:
    """The same number without zeros at its end after the point, and without an exponent."""
    shown = EXACT.normalize(number)
    return shown if EXACT.remainder(shown, _TEN) else EXACT.quantize(shown, _ONE)  # only tens have an exponent now


def total(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    found = Decimal(0)
    for number in numbers:
        found = EXACT.add(found, number)
    return found


def nearest_rank(ordered: Sequence[Decimal], percentile: Decimal) -> Decimal:
    """The value at place ceil(n * p / 100) of n ordered ones."""
    return ordered[ceil(len(ordered) * Fraction(percentile) / 100) - 1]


def _by_second(rows: Iterable[Row], window: Window) -> Fraction:
    """Values weighted by the seconds of the window that follow them."""
    weighted = (EXACT.multiply(row.number, Decimal(_seconds(max(row.time, window.start), window.end))) for row in rows)
    return Fraction(total(weighted)) / _seconds(*window)


def _by_day(rows: Iterable[Row], window: Window, tz: ZoneInfo) -> Fraction:
    """Values weighted by the days of the window on which they hold."""
    days = _Days(window, tz)
    weighted = (EXACT.multiply(row.number, Decimal(days.left(row))) for row in rows)
    return Fraction(total(weighted)) / days.count


def _unique(measure: Measure, ordered: Sequence[Row], window: Window, tz: ZoneInfo) -> Fraction:
    if measure.prorated is None:
        return Fraction(len({text for text, _, end in _presences(ordered, window) if end == window.end}))
    if measure.prorated == "second":
        spans = ((max(start, window.start), end) for _, start, end in _presences(ordered, window) if end > window.start)
        return Fraction(sum(_seconds(start, end) for start, end in spans), _seconds(*window))
    days = _Days(window, tz)
    seen: dict[str, int] = {}
    units = 0
    for text, start, end in _presences(ordered, window):
        if end >= window.start:
            first, last = max(days.number(start), seen.get(text, -1) + 1), days.number(end)
            units += max(last - first + 1, 0)
            seen[text] = max(last, seen.get(text, -1))
    return Fraction(units, days.count)


def _presences(ordered: Iterable[Row], window: Window) -> Iterator[tuple[str, datetime, datetime]]:
    """(id, from, to) of the times in which ids are there; `to` is the window's end for those that stay."""
    present: dict[str, datetime] = {}
    for row in ordered:
        text = row.text or ""
        if row.number > 0:
            present.setdefault(text, row.time)
        elif text in present:
            yield text, present.pop(text), row.time
    for text, start in present.items():
        yield text, start, window.end


class _Days:
    """The days of a window, numbered from 0."""

    def __init__(self, window: Window, tz: ZoneInfo) -> None:
        self._starts = [one.start for one in windows(window, WindowSize.DAY, tz)]
        self._window = window
        self.count = len(self._starts)

    def number(self, at: datetime) -> int:
        """The day of an instant; the first for what lies before the window, the last for what lies after."""
        return max(bisect_right(self._starts, at) - 1, 0)

    def left(self, row: Row) -> int:
        """Days on which a value holds: its own too if it is above 0."""
        if row.time < self._window.start:
            return self.count
        return self.count - self.number(row.time) - (0 if row.number > 0 else 1)


def _seconds(start: datetime, end: datetime) -> int:
    """Seconds between the seconds of two instants."""
    return (end.replace(microsecond=0) - start.replace(microsecond=0)) // _SECOND
