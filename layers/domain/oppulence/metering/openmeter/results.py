"""Answers of meters as OpenMeter gives them."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from oppulence.kernel import olap
from oppulence.kernel.errors import ValidationError
from oppulence.kernel.request import prefers
from oppulence.kernel.response import Response
from oppulence.kernel.uow import Scope
from oppulence.metering import query as quantities
from oppulence.metering import usage_reads
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import TooManyRows, UnknownDimension
from oppulence.metering.models import digits, tame
from oppulence.metering.openmeter import filling
from oppulence.metering.openmeter.filters import FilterString
from oppulence.metering.openmeter.form import answer, in_their_words, instant, listed, merged, second
from oppulence.metering.openmeter.queries import ADVANCED, SIMPLE, MeterQuery
from oppulence.metering.parameters import Parameters
from oppulence.metering.query import MAX_ROWS, Question, Row
from oppulence.metering.windows import EARLIEST, LATEST, Window, WindowSize, whole, windows, zone

MAX_BYTES = 4_000_000
_LONGEST = {
    WindowSize.MINUTE: timedelta(minutes=1), WindowSize.HOUR: timedelta(hours=2), WindowSize.DAY: timedelta(hours=50),
    WindowSize.MONTH: timedelta(days=33),
}  # fmt: skip
"""No window is longer, whatever clocks do."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Result:
    """What a query came to: the meter's id or slug and the question, as they were put, and rows that have a value."""

    meter: str
    query: MeterQuery
    rows: Sequence[Row]

    def answer(self, accept: str | None) -> Response:
        """In the form that the caller accepts.

        Raises:
            TooManyRows: it is larger than one answer can be.
        """
        response = self._csv() if prefers(accept, "text/csv", "application/json") else self._json()
        if len(response.body) > MAX_BYTES:
            raise _too_many(f"{MAX_BYTES} bytes")
        return response

    def _json(self) -> Response:
        """`value` is a JSON number with all its digits."""
        query = self.query
        told = {
            "from": query.since and instant(query.since), "to": query.until and instant(query.until),
            "windowSize": query.window_size,
        }  # fmt: skip
        return answer(merged(told, {"data": listed([_row(row) for row in self.rows])}))

    def _csv(self) -> Response:
        """One line a row, under a line of names. No text is a formula, which OpenMeter does not see to."""
        text = io.StringIO()
        lines = csv.writer(text)
        dimensions = [name for name in self.query.grouped_by if name not in RESERVED]
        customers = ["customer_id"] if "customer_id" in self.query.grouped_by else []
        lines.writerow(["window_start", "window_end", "subject", *customers, *dimensions, "value"])
        for row in self.rows:
            times = [instant(row.window_start), instant(row.window_end)]
            own = [row.customer_id] if customers else []
            texts = [row.subject, *own, *(row.groups[name] for name in dimensions)]
            lines.writerow([*times, *map(tame, texts), digits(row.value or Decimal(0))])
        headers = {"Content-Disposition": f'attachment; filename="{self.meter}.csv"'}
        return Response(200, text.getvalue().encode(), "text/csv", headers)


@in_their_words()
def of(scope: Scope, meter: str, query: MeterQuery) -> Result:
    """The answer to a question.

    Raises:
        MeterNotFound, CustomerNotFound, UnknownDimension, TooManySubjects, InvalidPeriod, TooManyWindows, UnknownTimeZone
        TooManyRows: more than are answered at once.
        ValidationError: both kinds of filters are given.
        Unavailable: a store cannot be reached; or events that were sent before the meter was made are still being counted.
    """
    filling.check(scope, meter)
    question = Question(
        meter, EARLIEST, LATEST, None, query.window_time_zone or "UTC", tuple(query.subject or ()),
        tuple(query.filter_customer_id or ()), query.grouped_by,
    )  # fmt: skip
    period = _period(scope, question, query)
    if period is None:
        return Result(meter, query, [])
    question = replace(question, since=period.start, until=period.end)
    question = replace(question, filter_group_by=_filters(scope, question, query))
    question = replace(question, window_size=query.window_size and WindowSize(query.window_size))
    with in_their_words(filter_group_by=query.filters):
        reading = replace(quantities.read(scope, question), one_row=False)
    rows = reading.rows(most=MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise _too_many(f"{MAX_ROWS} rows")
    return Result(meter, query, _whole_windows(question, [row for row in rows if row.value is not None]))


def _period(scope: Scope, question: Question, query: MeterQuery) -> Window | None:
    """The period in whole seconds; where an end is open, to the first or last minute in which something counts.

    None if nothing counts there.
    """
    since, until = query.since and second(query.since), query.until and second(query.until)
    if since is not None and until is not None:
        return whole(since, until)
    extent = _extent(scope, question)
    if extent is None:
        return None
    period = Window(since or extent.start, until or extent.end)
    return whole(*period) if period.start < period.end else None


def _extent(scope: Scope, question: Question) -> Window | None:
    """From the first to the last minute in which something counts."""
    asked = quantities.read(scope, question).asked
    given = Parameters()
    ((count, first, last),) = olap.query(usage_reads.extent(asked, Window(EARLIEST, LATEST), given), given.values)
    if not count:
        return None
    start, end = (datetime.fromtimestamp(int(at), UTC).replace(second=0) for at in (first, last))
    return Window(max(start, EARLIEST), min(end + _MINUTE, LATEST))


def _filters(scope: Scope, question: Question, query: MeterQuery) -> dict[str, tuple[str | None, ...]]:
    """The values of which one must hold, dimension by dimension. An empty text is also no value, as there."""
    simple, advanced = query.filter_group_by or {}, query.advanced_meter_group_by_filters or {}
    if simple and advanced:
        raise ValidationError(f"{SIMPLE} and {ADVANCED} cannot be used together.", param=ADVANCED)
    found = {name: values for name, values in simple.items() if values}
    for name, wanted in advanced.items():
        named = wanted.values()
        found[name] = _described(scope, question, name, wanted) if named is None else named
    if reserved := next((name for name in found if name in RESERVED), None):
        raise UnknownDimension(f"Filter by {reserved} with `subject` and `filterCustomerId`.", param=query.filters)
    return {name: (*values, None) if "" in values else tuple(values) for name, values in found.items()}


def _described(scope: Scope, question: Question, name: str, wanted: FilterString) -> list[str]:
    """Those of a dimension's values in the period that a filter describes."""
    with in_their_words(group_by=ADVANCED):
        rows = quantities.answer(scope, replace(question, group_by=(name,))).rows
    return [text for text in dict.fromkeys(row.groups.get(name) or "" for row in rows) if wanted.fits(text)]


def _whole_windows(question: Question, rows: list[Row]) -> list[Row]:
    """Rows whose first and last windows are named as wholes, as OpenMeter does, though the period cuts them."""
    if question.window_size is None or not rows:
        return rows
    tz, size = zone(question.time_zone), question.window_size
    longest = _LONGEST[size]
    head = windows(Window(question.since - longest, question.since + timedelta(seconds=1)), size, tz)[-1].start
    tail = windows(Window(question.until - timedelta(seconds=1), question.until + longest), size, tz)[0].end
    for row in rows:
        if row.window_start == question.since:
            row.window_start = head
        if row.window_end == question.until:
            row.window_end = tail
    return rows


def _row(row: Row) -> str:
    groups = json.dumps({name: value or "" for name, value in row.groups.items()})
    times = {"windowStart": instant(row.window_start), "windowEnd": instant(row.window_end), "customerId": row.customer_id}
    return merged(times, {"value": digits(row.value or Decimal(0)), "subject": json.dumps(row.subject), "groupBy": groups})


def _too_many(what: str) -> TooManyRows:
    return TooManyRows(
        f"The answer has more than {what}. Ask for a shorter period or for larger windows, or group by less.", param="windowSize"
    )
