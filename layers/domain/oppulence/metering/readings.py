"""Reading what a question means: rows in order, window by window, a page or all of them, as of one moment."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from itertools import islice, repeat
from typing import Any

from msgspec import Struct

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


@dataclass(slots=True)
class _Sums:
    """What was added up, by columns, as there may be very many: of each the keys, the bucket's second, and the cell."""

    keys: list[Keys]
    seconds: list[int]
    cells: list[Cell]

    def rows(self) -> Iterator[tuple[Keys, int, Cell]]:
        """One after the other."""
        return zip(self.keys, self.seconds, self.cells, strict=True)


class Row(Struct, gc=False):
    """A meter's quantity of a window, of one subject, customer and set of dimensions as far as these are grouped by, else None.

    `value` is rounded as the meter says; None where there is none, such as the average of nothing.
    """

    meter_id: str
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

    def rows(self, after: tuple[datetime, Keys] | None = None, most: int = MAX_ROWS) -> list[Row]:
        """At most so many rows, or those after one, in order."""
        if after is None:
            return self._or_one(list(islice(self._found(0, Part(most)), most)))
        number = bisect_right([one.start for one in self.windows], after[0]) - 1
        if not after[1]:
            return list(islice(self._found(number + 1, Part(most)), most))
        return list(islice(self._found(number, Part(most, (int(self.windows[number].start.timestamp()), after[1]))), most))

    def whole(self, most: int) -> list[Row] | None:
        """All rows, in no order; None if there are more than that."""
        found = list(islice(self._found(0, Part(most + 1, as_they_come=True)), most + 1))
        return self._or_one(found) if len(found) <= most else None

    def _or_one(self, found: list[Row]) -> list[Row]:
        if found or not self.one_row:
            return found
        window = self.windows[0]
        return list(self._rows([window], [()], [of_nothing(self.asked.meter, window)]))

    def _found(self, first: int, part: Part) -> Iterator[Row]:
        """Rows from a window on, of it those after a group; the store is asked as they are needed."""
        if first >= len(self.windows) or not any(meter.spans for meter in self.asked.meters):
            return iter(())
        if self.asked.meter.measure.carry_over:
            return self._levels(first, None if part.place is None else tuple(part.place[1]))
        return self._alone(first, part)

    def _alone(self, first: int, part: Part) -> Iterator[Row]:
        """Windows that begin with nothing: of each only its own rows matter."""
        left = self.windows[first:]
        buckets = bucketing.of_windows(left)
        by_start = dict(zip(buckets.starts, left, strict=True))
        sums, _ = self._read(buckets, part)
        windows = [by_start[second] for second in sums.seconds]
        if self.form not in (Form.TOTAL, Form.ONE):
            exact = map(partial(alone, self.form), windows, sums.cells)
            return self._rows(windows, sums.keys, self._shown(windows, sums.keys, exact))
        numbers = [cell[0] for cell in sums.cells]
        is_rounded = any(meter.rounds for meter in self.asked.meters)
        return self._rows(windows, sums.keys, self._shown(windows, sums.keys, numbers) if is_rounded else numbers)

    def _levels(self, first: int, keys: Keys | None) -> Iterator[Row]:
        """Windows that carry over: of each group all that it ever had matters. As many at a time as one statement can give."""
        many = 1 if keys is not None else len(self.windows) - first
        while first < len(self.windows):
            some = self.windows[first : first + many]
            buckets = self._buckets(some)
            sums, full = self._read(buckets, Part(_MOST_CELLS, None if keys is None else (0, keys), by_key=True))
            if full and len(some) > 1:
                many = max(1, len(some) // 8)
                continue
            groups: dict[Keys, dict[int, Cell]] = {}
            for one, second, cell in sums.rows():
                groups.setdefault(one, {})[second] = cell
            if full:
                groups.popitem()
                keys = list(groups)[-1]
            yield from self._carried(buckets, groups)
            if not full:
                first, keys, many = first + len(some), None, many * 2

    def _carried(self, buckets: Buckets, groups: Mapping[Keys, Mapping[int, Cell]]) -> Iterator[Row]:
        """The groups' windows, window by window."""
        found: dict[Window, dict[Keys, Fraction]] = {window: {} for window in buckets.windows}
        for keys, cells in groups.items():
            for window, exact in levels(self.form, buckets, cells):
                found[window][keys] = exact
        for window, some in found.items():
            windows = [window] * len(some)
            yield from self._rows(windows, list(some), self._shown(windows, list(some), some.values()))

    def _buckets(self, some: Sequence[Window]) -> Buckets:
        if self.form in (Form.BY_DAY, Form.IDS_BY_DAY):
            return bucketing.of_days(some, self.asked.zone)
        return bucketing.of_windows(some)

    def _read(self, buckets: Buckets, part: Part) -> tuple[_Sums, bool]:
        """What was added up, in order, and whether there is more of it."""
        asked = self.asked
        landed = tails.known(asked) if adds_up(asked.meter) else None
        text, given = statement(asked, buckets, part, landed=landed is None)
        found = _sums(olap.columns(text, given.values), len(asked.group_by))
        known = len(found.keys)
        full = known >= part.most
        if landed:
            inside = self._landed(buckets, landed)
            last = (found.keys[-1], found.seconds[-1]) if full else None
            _add(asked.meter.measure.aggregation, found, inside if part.as_they_come else _between(inside, part, last))
            if len(found.keys) > known and not part.as_they_come:
                found = _sorted(found, part)
        return found, full

    def _landed(self, buckets: Buckets, landed: Mapping[str, Sequence[Landed]]) -> dict[tuple[Keys, int], Cell]:
        """What landed rows add up to."""
        kind, starts, how = self.asked.meter.measure.aggregation, buckets.starts, self.form
        anew = self.asked.moves and not self.asked.meter.measure.carry_over
        found: dict[tuple[Keys, int], Cell] = {}
        for keys, row in tails.counted(self.asked, landed, *buckets.period):
            number = bisect_right(starts, row.second)
            second = starts[number - 1] if number else 0
            if anew and int(row.time.timestamp()) < second:
                continue  # it came or left with its subject in a later window than it counts in
            cell = cell_of(how, row.number, row.second - second if second else 0, late=row.late)
            known = found.get((keys, second))
            found[keys, second] = cell if known is None else together(kind, known, cell)
        return found

    def _shown(
        self, windows: Sequence[Window], keys: Sequence[Keys], exact: Iterable[Fraction | Decimal]
    ) -> Iterable[Decimal | None]:
        """Quantities as their meters round them."""
        asked = self.asked
        meters: Iterable[Counter] = repeat(asked.meter)
        if asked.group_by[:1] == (METER,):
            known = {meter.id: meter for meter in asked.meters}
            meters = [known[str(one[0])] for one in keys]
        return map(shown, meters, windows, exact)

    def _rows(self, windows: Sequence[Window], keys: Sequence[Keys], values: Iterable[Decimal | None]) -> Iterator[Row]:
        """Rows of their windows, keys and values, put together by columns: there may be very many."""
        if not keys:
            return iter(())
        names = self.asked.group_by
        own: dict[str, Iterable[Any]] = dict(zip(names, zip(*keys, strict=True), strict=False))
        others = [name for name in names if name not in (SUBJECT, CUSTOMER, METER)]
        groups = (dict(zip(others, some, strict=True)) for some in zip(*(own[name] for name in others), strict=True))
        starts, ends = zip(*windows, strict=True)
        return map(
            Row, own.get(METER, repeat(self.asked.meter.id)), starts, ends, own.get(SUBJECT, repeat(None)),
            own.get(CUSTOMER, repeat(None)), groups if others else ({} for _ in keys), values,
        )  # fmt: skip

    def within(self, window: Window) -> "Reading":
        """The same of one window."""
        return replace(self, windows=[window])

    def key(self, row: Row) -> tuple[datetime, Keys]:
        """The row's place."""
        own = {**row.groups, METER: row.meter_id, SUBJECT: row.subject, CUSTOMER: row.customer_id}
        return row.window_start, tuple(own[name] for name in self.asked.group_by)


def _sums(columns: Sequence[Sequence[Any]], keys: int) -> _Sums:
    """What the store gives, put together."""
    if not columns:
        return _Sums([], [], [])
    names: Iterable[Keys] = zip(*columns[:keys], strict=True) if keys else repeat((), len(columns[0]))
    cells: Iterable[Cell] = zip(*(map(Decimal, column) for column in columns[keys + 1 :]), strict=True)
    return _Sums(list(names), list(columns[keys]), list(cells))


def _sorted(some: _Sums, part: Part) -> _Sums:
    rows = sorted(some.rows(), key=lambda one: _order(*one[:2], by_key=part.by_key))
    return _Sums([keys for keys, _, _ in rows], [second for _, second, _ in rows], [cell for _, _, cell in rows])


def _order(keys: Sequence[str | None], second: int, *, by_key: bool) -> tuple[object, ...]:
    """As the store sorts: nulls last."""
    own = tuple((key is None, key or "") for key in keys)
    return (own, second) if by_key else (second, own)


def _between(some: dict[tuple[Keys, int], Cell], part: Part, last: tuple[Keys, int] | None) -> dict[tuple[Keys, int], Cell]:
    """Those that are the part's, up to the last one that was read."""
    by_key = part.by_key
    if part.place is not None:
        second, keys = part.place
        after = _order(keys, 0 if by_key else second, by_key=by_key)
        some = {one: cell for one, cell in some.items() if _order(one[0], 0 if by_key else one[1], by_key=by_key) > after}
    if last is not None:
        end = _order(*last, by_key=by_key)
        some = {one: cell for one, cell in some.items() if _order(*one, by_key=by_key) <= end}
    return some


def _add(kind: Aggregation, some: _Sums, more: dict[tuple[Keys, int], Cell]) -> None:
    """Add one to the other: to its groups, as they stand, then what only the other has."""
    cells = some.cells
    for n, place in enumerate(zip(some.keys, some.seconds, strict=True)):
        if place in more:
            cells[n] = together(kind, cells[n], more.pop(place))
    some.keys += [keys for keys, _ in more]
    some.seconds += [second for _, second in more]
    some.cells += more.values()
