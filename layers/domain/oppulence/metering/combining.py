"""From what the store added up to quantities: the last, exact step. It agrees with `quantities`, case by case."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from oppulence.metering.aggregates import Form
from oppulence.metering.asked import Counter
from oppulence.metering.buckets import Buckets
from oppulence.metering.models import Aggregation
from oppulence.metering.quantities import EXACT, plain, quantity, rounded
from oppulence.metering.windows import Window

Cell = Sequence[Decimal]
"""What was added up in a bucket; NaN if nothing is left of what there was before."""

_NOTHING: Cell = (Decimal(0), Decimal(0))


def shown(meter: Counter, window: Window, exact: Fraction | Decimal | None) -> Decimal | None:
    """A quantity, rounded by the rule of the version that counts when its window begins. Decimals come in their shortest form."""
    rule = meter.rounding(window.start) if meter.rounds else None
    if isinstance(exact, Decimal) and rule is None:
        return exact
    return None if exact is None else rounded(Fraction(exact), rule)


def cell_of(form: Form, number: Decimal, seconds: int, *, late: bool) -> Cell:
    """What one row adds up to, so many seconds after its bucket begins; `late`: by day it holds from the day after."""
    if form in (Form.TOTAL, Form.ONE):  # mostly
        return (number,)
    match form:
        case Form.MEAN:
            return number, Decimal(1)
        case Form.BY_SECOND:
            return number, EXACT.multiply(number, Decimal(seconds))
        case Form.BY_DAY:
            return (Decimal(0), number) if late else (number, Decimal(0))
    return (number,)


def together(kind: Aggregation, one: Cell, other: Cell) -> Cell:
    """What was added up of two sets of rows, as of both."""
    if kind in (Aggregation.MIN, Aggregation.MAX):
        return (min(one[0], other[0]) if kind is Aggregation.MIN else max(one[0], other[0]),)
    if len(one) == 1:
        return (plain(EXACT.add(one[0], other[0])),)
    return plain(EXACT.add(one[0], other[0])), plain(EXACT.add(one[1], other[1]))


def of_nothing(meter: Counter, window: Window) -> Decimal | None:
    """The quantity of a window in which nothing counted."""
    return shown(meter, window, quantity(meter.measure, (), window))


def alone(form: Form, window: Window, cell: Cell) -> Fraction | Decimal:
    """The exact quantity of a window that begins with nothing."""
    match form:
        case Form.MEAN:
            return Fraction(cell[0]) / Fraction(cell[1])
        case Form.BY_SECOND:
            length = _length(window)
            return (Fraction(cell[0]) * length - Fraction(cell[1])) / length
    return cell[0]


def levels(form: Form, buckets: Buckets, cells: Mapping[int, Cell]) -> Iterator[tuple[Window, Fraction]]:
    """The exact quantities of all windows of something that carries over, from the first one on that has a row before its end.

    Those are left out in which nothing is left.
    """
    before = cells.get(0)
    level = None if before is None else _after(form, Fraction(0), before)
    for window, days in zip(buckets.windows, buckets.days, strict=True):
        inside = [cells.get(day) for day in days]
        if form is Form.ONE and inside[0] is not None and inside[0][0].is_nan():
            level = None  # all that it was of has left
            continue
        if level is None and not any(inside):
            continue
        level = level or Fraction(0)
        exact, level = _window(form, window, level, inside)
        yield window, exact


def _window(form: Form, window: Window, level: Fraction, inside: Sequence[Cell | None]) -> tuple[Fraction, Fraction]:
    """The quantity of a window that begins at a level, and the level after it."""
    if form in (Form.TOTAL, Form.ONE):
        end = level if inside[0] is None else _after(form, level, inside[0])
        return end, end
    if form is Form.BY_SECOND:
        change, late = (Fraction(one) for one in inside[0] or _NOTHING)
        length = _length(window)
        return ((level + change) * length - late) / length, level + change
    units = Fraction(0)
    for number, cell in enumerate(inside):
        if form is Form.IDS_BY_DAY:
            units += level + (0 if cell is None else Fraction(cell[1]))
        elif cell is not None:
            left = len(inside) - number
            units += Fraction(cell[0]) * left + Fraction(cell[1]) * (left - 1)
        if cell is not None and form is Form.IDS_BY_DAY:
            level = _after(form, level, cell)
    if form is Form.BY_DAY:
        units += level * len(inside)
        for cell in inside:
            level = level if cell is None else _after(form, level, cell)
    return units / len(inside), level


def _after(form: Form, level: Fraction, cell: Cell) -> Fraction:
    """The level after a bucket."""
    match form:
        case Form.ONE:
            return Fraction(cell[0])
        case Form.BY_DAY:
            return level + Fraction(cell[0]) + Fraction(cell[1])
    return level + Fraction(cell[0])


def _length(window: Window) -> int:
    return int((window.end - window.start).total_seconds())
