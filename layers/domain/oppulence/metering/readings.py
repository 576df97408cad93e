"""Reading what a question means: rows in order, window by window, a page or all of them, as of one moment."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import islice

from oppulence.kernel import olap
from oppulence.metering import buckets as bucketing
from oppulence.metering import tails
from oppulence.metering.aggregates import Form, Part, adds_up, form, statement
from oppulence.metering.asked import CUSTOMER, METER, SUBJECT, Asked, Counter
from oppulence.metering.buckets import Buckets
from oppulence.metering.combining import Cell, alone, cell_of, levels, of_nothing, shown, together
from oppulence.metering.models import Aggregation
from oppulence.metering.tails import Keys, Landed
from oppulence.metering.windows import Window

MAX_ROWS = 100_000
_MOST_CELLS = 100_000
"""That one statement gives."""

_Sum = tuple[Keys, int, Cell]
"""Keys, the bucket's second, and what was added up."""


@dataclass(slots=True)
class Row:
    """A window's quantity, of one subject, customer and set of dimensions as far as these are grouped by, else None.

    `value` is rounded as the meter says; None where there is none, such as the average of nothing.
    """

    window_start: datetime
    window_end: datetime
    subject: str | None
    customer_id: str | None
    groups: dict[str, str | None]
    value: Decimal | None


@dataclass(frozen=True)
class Reading:
    """A question at one moment."""

    asked: Asked
    windows: Sequence[Window]
    one_row: bool

    @cached_property
    def form(self) -> Form:
        """What is added up."""
        return form(self.asked.meter)

    @cached_property
    def _meters(self) -> dict[str, Counter]:
        return {meter.id: meter for meter in self.asked.meters}

    def rows(self, after: tuple[datetime, Keys] | None = None, most: int = MAX_ROWS) -> list[Row]:
        """At most so many rows, or those after one, in order."""
        if after is None:
            found = list(islice(self._found(0, None, most), most))
            if not found and self.one_row:
                window = self.windows[0]
                return [self._row(window, (), of_nothing(self.asked.meter, window))]
            return found
        number = bisect_right([one.start for one in self.windows], after[0]) - 1
        if not after[1]:
            return list(islice(self._found(number + 1, None, most), most))
        return list(islice(self._found(number, after[1], most), most))

    def _found(self, first: int, keys: Keys | None, most: int) -> Iterator[Row]:
        """Rows from a window on, of it those after a group; the store is asked as they are needed."""
        if first >= len(self.windows) or not any(meter.spans for meter in self.asked.meters):
            return iter(())
        return self._levels(first, keys) if self.asked.meter.measure.carry_over else self._alone(first, keys, most)

    def _alone(self, first: int, keys: Keys | None, most: int) -> Iterator[Row]:
        """Windows that begin with nothing: of each only its own rows matter."""
        left = self.windows[first:]
        buckets = bucketing.of_windows(left)
        by_start = dict(zip(buckets.starts, left, strict=True))
        place = None if keys is None else (buckets.starts[0], keys)
        as_it_is = self.form in (Form.TOTAL, Form.ONE)
        for one, second, cell in self._read(buckets, most, place, by_key=False)[0]:
            window = by_start[second]
            exact = cell[0] if as_it_is else alone(self.form, window, cell)
            yield self._row(window, one, shown(self._meter(one), window, exact))

    def _levels(self, first: int, keys: Keys | None) -> Iterator[Row]:
        """Windows that carry over: of each group all that it ever had matters. As many at a time as one statement can give."""
        many = 1 if keys is not None else len(self.windows) - first
        while first < len(self.windows):
            some = self.windows[first : first + many]
            buckets = self._buckets(some)
            cells, full = self._read(buckets, _MOST_CELLS, None if keys is None else (0, keys), by_key=True)
            if full and len(some) > 1:
                many = max(1, len(some) // 8)
                continue
            groups: dict[Keys, dict[int, Cell]] = {}
            for one, second, cell in cells:
                groups.setdefault(one, {})[second] = cell
            if full:
                groups.popitem()
                keys = list(groups)[-1]
            yield from self._merged(buckets, groups)
            if not full:
                first, keys, many = first + len(some), None, many * 2

    def _merged(self, buckets: Buckets, groups: Mapping[Keys, Mapping[int, Cell]]) -> Iterator[Row]:
        """The groups' windows, window by window."""
        found: dict[Window, list[Row]] = {window: [] for window in buckets.windows}
        for one, cells in groups.items():
            for window, exact in levels(self.form, buckets, cells):
                found[window].append(self._row(window, one, shown(self._meter(one), window, exact)))
        for some in found.values():
            yield from some

    def _buckets(self, some: Sequence[Window]) -> Buckets:
        if self.form in (Form.BY_DAY, Form.IDS_BY_DAY):
            return bucketing.of_days(some, self.asked.zone)
        return bucketing.of_windows(some)

    def _read(self, buckets: Buckets, most: int, place: tuple[int, Keys] | None, *, by_key: bool) -> tuple[list[_Sum], bool]:
        """What was added up, in order, and whether there is more of it."""
        asked = self.asked
        landed = tails.known(asked) if adds_up(asked.meter) else None
        text, given = statement(asked, buckets, Part(most, place, by_key), landed=landed is None)
        keys = len(asked.group_by)
        found: list[_Sum] = [
            (tuple(row[:keys]), row[keys], tuple(map(Decimal, row[keys + 1 :]))) for row in olap.query(text, given.values)
        ]
        full = len(found) >= most
        if not landed:
            return found, full
        extra = self._landed(buckets, landed)
        inside = _between(extra, None if place is None else (place[1], place[0]), found[-1] if full else None, by_key=by_key)
        return _merged(asked.meter.measure.aggregation, found, inside, by_key=by_key), full

    def _landed(self, buckets: Buckets, landed: Mapping[str, Sequence[Landed]]) -> list[_Sum]:
        """What landed rows add up to."""
        kind, starts, how = self.asked.meter.measure.aggregation, buckets.starts, self.form
        found: dict[tuple[Keys, int], Cell] = {}
        for keys, row in tails.counted(self.asked, landed, *buckets.period):
            number = bisect_right(starts, row.second)
            second = starts[number - 1] if number else 0
            cell = cell_of(how, row.number, row.second - second if second else 0)
            known = found.get((keys, second))
            found[keys, second] = cell if known is None else together(kind, known, cell)
        return [(keys, second, cell) for (keys, second), cell in found.items()]

    def _meter(self, keys: Keys) -> Counter:
        """Whose quantity it is."""
        if self.asked.group_by[:1] != (METER,):
            return self.asked.meter
        return self._meters[keys[0] or ""]

    @cached_property
    def _places(self) -> tuple[int | None, int | None, list[tuple[int, str]]]:
        """Where subject, customer and dimensions stand among the keys."""
        names = self.asked.group_by
        subject, customer = (names.index(name) if name in names else None for name in (SUBJECT, CUSTOMER))
        return subject, customer, [(n, name) for n, name in enumerate(names) if name not in (SUBJECT, CUSTOMER)]

    def _row(self, window: Window, keys: Keys, value: Decimal | None) -> Row:
        subject, customer, others = self._places
        return Row(
            window.start, window.end, None if subject is None else keys[subject], None if customer is None else keys[customer],
            {name: keys[n] for n, name in others}, value,
        )  # fmt: skip

    def within(self, window: Window) -> "Reading":
        """The same of one window."""
        return replace(self, windows=[window])

    def key(self, row: Row) -> tuple[datetime, Keys]:
        """The row's place."""
        own = {**row.groups, SUBJECT: row.subject, CUSTOMER: row.customer_id}
        return row.window_start, tuple(own[name] for name in self.asked.group_by)


def _order(keys: Keys, second: int, *, by_key: bool) -> tuple[object, ...]:
    """As the store sorts."""
    own = tuple((key is None, key or "") for key in keys)
    return (own, second) if by_key else (second, own)


def _between(some: list[_Sum], after: tuple[Keys, int] | None, last: _Sum | None, *, by_key: bool) -> list[_Sum]:
    """Those after a place, up to the last one that was read."""
    if after is not None and by_key:
        some = [one for one in some if _order(one[0], 0, by_key=True) > _order(after[0], 0, by_key=True)]
    elif after is not None:
        some = [one for one in some if _order(*one[:2], by_key=False) > _order(*after, by_key=False)]
    if last is not None:
        some = [one for one in some if _order(*one[:2], by_key=by_key) <= _order(*last[:2], by_key=by_key)]
    return some


def _merged(kind: Aggregation, some: list[_Sum], others: list[_Sum], *, by_key: bool) -> list[_Sum]:
    """Both together, in order."""
    found = {(keys, second): cell for keys, second, cell in some}
    for keys, second, cell in others:
        known = found.get((keys, second))
        found[keys, second] = cell if known is None else together(kind, known, cell)
    merged = [(keys, second, cell) for (keys, second), cell in found.items()]
    return sorted(merged, key=lambda one: _order(one[0], one[1], by_key=by_key)) if len(merged) > len(some) else merged
