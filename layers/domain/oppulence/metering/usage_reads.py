"""Statements that put values together. Whatever a caller wrote is a parameter; numbers, instants and batches are ours.

Rows are those that are settled up to a number, and of the landed batches the first of each id that was not settled by then.
Every table is read with the workspace's filter.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from oppulence.metering import hands
from oppulence.metering.asked import CUSTOMER, METER, SUBJECT, Asked, Span
from oppulence.metering.models import Aggregation
from oppulence.metering.parameters import Parameters
from oppulence.metering.usage_store import COUNTED
from oppulence.metering.windows import Window

_COLUMNS = "time, subject, number, text, stored_at, sequence, source, id"


def keys(asked: Asked, given: Parameters) -> list[str]:
    """What rows are grouped by, as expressions of either table."""
    return [_key(asked, name, given) for name in asked.group_by]


def settled(asked: Asked, period: Window, given: Parameters) -> str:
    """The settled rows that count before the end of a period, and not before it begins unless they carry over: a table, and
    conditions on it.
    """
    given.values["ws"] = asked.workspace_id
    found = _conditions(asked, period, given)
    return f"usage_values WHERE workspace_id = {{ws:String}} AND settlement <= {asked.snapshot.settled} AND {found}"


def rows(asked: Asked, period: Window, given: Parameters, *, landed: bool = True) -> str:
    """The same as a query with k0, k1, ... beside the columns of a value, with the landed rows if asked."""
    if asked.moves:
        return _moved(asked, period, given, landed=landed)
    return _rows(asked, period, given, [_COLUMNS, *(f"{key} AS k{n}" for n, key in enumerate(keys(asked, given)))], landed=landed)


def _rows(asked: Asked, period: Window, given: Parameters, columns: Sequence[str], *, landed: bool) -> str:
    text = f"SELECT {', '.join(columns)} FROM {settled(asked, period, given)}"
    if not landed or not asked.tail:
        return text
    return f"{text} UNION ALL SELECT {', '.join(columns)} FROM {_landed(asked, _conditions(asked, period, given), given)}"


def _moved(asked: Asked, period: Window, given: Parameters, *, landed: bool) -> str:
    """Rows of levels, and what becomes of them when their subjects change hands: each is taken from one, and given to the next.

    `late`: by day it holds from the day after its `second`, which for what is taken is that of the moment before: who loses a
    subject when a day begins does not have it on that day. `own_time` is when the row happened; `step` is 0 for the row itself, 1
    for what is taken, 2 for what is given.
    """
    names = [(f"k{n}", name) for n, name in enumerate(asked.group_by)]
    inner = [
        "time AS own_time, subject, number AS own_number, text, stored_at, sequence, source, id",
        *(f"{_key(asked, name, given)} AS {k}" for k, name in names if name != CUSTOMER),
        f"{hands.MOVES} AS moves",
    ]
    taken = "-abs(own_number)" if asked.meter.measure.aggregation is Aggregation.UNIQUE_COUNT else "-own_number"
    outer = [
        f"fromUnixTimestamp64Micro(move.1, 'UTC') AS time, subject, if(move.2 = 1, {taken}, own_number) AS number",
        "text, stored_at, sequence, source, id, own_time, if(move.2 = 0, own_number <= 0, move.2 = 1) AS late",
        "intDiv(move.1 - (move.2 = 1), 1000000) AS second, move.2 AS step",
        *(f"nullIf(move.3, '') AS {k}" if name == CUSTOMER else k for k, name in names),
    ]
    wanted = "" if asked.all_owners else " AND move.3 != ''"
    steps = (0, 2) if asked.meter.measure.aggregation is Aggregation.LATEST else (0, 1, 2)  # a latest value is not taken back
    return f"""SELECT {", ".join(outer)} FROM ({_rows(asked, period, given, inner, landed=landed)}) ARRAY JOIN moves AS move
                WHERE move.1 < {hands.micros(period.end)} AND move.2 IN {steps}{wanted}"""


def tenures(asked: Asked, period: Window, given: Parameters) -> str:
    """Rows by who has them when: k0, k1, ..., text, number, place, and in which microseconds `[since, until)` they are
    the one's: from when they happened, or from when their subject changed hands.
    """
    names = [(f"k{n}", name) for n, name in enumerate(asked.group_by)]
    inner = [
        "text, number, time, (toUnixTimestamp64Micro(time), stored_at, sequence, source, id) AS place",
        *(f"{_key(asked, name, given)} AS {k}" for k, name in names if name != CUSTOMER),
        f"{hands.TENURES} AS tenures",
    ]
    outer = [f"nullIf(tenure.3, '') AS {k}" if name == CUSTOMER else k for k, name in names]
    wanted = "" if asked.all_owners else " AND tenure.3 != ''"
    return f"""SELECT {", ".join([*outer, "text, number, place, tenure.1 AS since, tenure.2 AS until"])}
                 FROM ({_rows(asked, period, given, inner, landed=True)}) ARRAY JOIN tenures AS tenure
                WHERE tenure.1 < {hands.micros(period.end)}{wanted}"""


def landed(asked: Asked, given: Parameters, most: int) -> str:
    """At most so many landed rows that count, of whatever meters."""
    given.values["ws"] = asked.workspace_id
    columns = "meter, version, subject, time, toUnixTimestamp64Second(time), toString(number), groups"
    return f"SELECT {columns} FROM {_landed(asked, '1', given)} LIMIT {most}"


def _landed(asked: Asked, conditions: str, given: Parameters) -> str:
    """The landed rows that no other one of their id comes before, landed or settled: a table, and conditions on it."""
    tail = given.many(asked.tail)
    found = f"workspace_id = {{ws:String}} AND batch_id IN {tail} AND problem = '' AND {conditions}"
    ids = f"id_hash IN (SELECT id_hash FROM {COUNTED} WHERE {found})"
    return f"""{COUNTED}
      WHERE {found}
        AND (batch_id, sequence) IN (
          SELECT place.1, place.2 FROM (
            SELECT argMin((batch_id, sequence), (stored_at, sequence, batch_id)) AS place FROM usage_landing
             WHERE workspace_id = {{ws:String}} AND batch_id IN {tail} AND {ids} GROUP BY id_hash))
        AND id_hash NOT IN (
          SELECT id_hash FROM usage_ids
           WHERE workspace_id = {{ws:String}} AND settlement <= {asked.snapshot.settled} AND {ids})
      LIMIT 1 BY batch_id, sequence, meter, version"""


def _conditions(asked: Asked, period: Window, given: Parameters) -> str:
    """What both tables' rows must fulfil."""
    start = None if asked.meter.measure.carry_over else period.start
    alike: dict[str, list[str]] = {}
    for meter in asked.meters:
        spans = [_span(span, start, period.end) for span in meter.spans]
        alike.setdefault(" OR ".join(one for one in spans if one) or "0", []).append(meter.id)
    found = [" OR ".join(f"meter IN {given.many(ids)} AND ({spans})" for spans, ids in alike.items())]
    found = [f"({found[0]})" if len(alike) > 1 else found[0]]
    if asked.subjects:
        found.append(f"subject IN {given.many(asked.subjects)}")
    if asked.owned is not None and not asked.all_owners:
        found.append(f"subject IN {given.many(sorted({one.subject for one in asked.owned}))}")
    histories = hands.histories(asked.owned or (), given)
    found += histories
    if histories and not asked.all_owners and not asked.moves:
        found.append(f"{hands.owner(asked.owned or (), given)} != ''")
    for name, values in asked.filters.items():
        found.append(_one_of(_dimension(asked, name), values, given))
    return " AND ".join(found)


def _span(span: Span, start: datetime | None, end: datetime) -> str:
    """The version's rows; '' if none can be in the period."""
    since = max((one for one in (span.since, start) if one is not None), default=None)
    until = end if span.until is None else min(span.until, end)
    if since is not None and since >= until:
        return ""
    bounds = [f"version = {span.version}", *([f"time >= {instant(since)}"] if since else []), f"time < {instant(until)}"]
    return " AND ".join(bounds)


def instant(at: datetime) -> str:
    """An instant as a literal of the columns' type."""
    return f"toDateTime64('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"


def _one_of(expression: str, values: Sequence[str | None], given: Parameters) -> str:
    named = [value for value in values if value is not None]
    parts = [f"isNull({expression})"] if len(named) < len(values) else []
    if named:
        parts.append(f"ifNull({expression} IN {given.many(named)}, 0)")
    return f"({' OR '.join(parts) or '0'})"


def _key(asked: Asked, name: str, given: Parameters) -> str:
    if name in (METER, SUBJECT):
        return "meter" if name == METER else "subject"
    if name == CUSTOMER:
        return f"nullIf({hands.owner(asked.owned or (), given)}, '')"
    return _dimension(asked, name)


def _dimension(asked: Asked, name: str) -> str:
    """The value of a dimension, which each version may have at another place; null where it has none."""
    places = [(span.version, span.dimensions.index(name) + 1) for span in asked.meter.spans if name in span.dimensions]
    if len(places) == len(asked.meter.spans) and len({place for _, place in places}) == 1:
        return f"CAST(groups[{places[0][1]}] AS Nullable(String))"
    if not places:
        return "CAST(NULL AS Nullable(String))"
    cases = ", ".join(f"version = {version}, groups[{place}]" for version, place in places)
    return f"CAST(multiIf({cases}, NULL) AS Nullable(String))"


def order(keys: int) -> str:
    """What rows are sorted by after their bucket: nulls last."""
    return "".join(f", isNull(k{n}), ifNull(k{n}, '')" for n in range(keys))


def after(place: Mapping[str, Any], keys: Sequence[str | None], given: Parameters) -> str:
    """The condition on groups that come after one, whose first columns are `place`."""
    names = [*place, *(part for n in range(len(keys)) for part in (f"isNull(k{n})", f"ifNull(k{n}, '')"))]
    values = [given.one(value, "Int64") for value in place.values()]
    for key in keys:
        values += [given.one(int(key is None), "UInt8"), given.one(key or "")]
    return f"({', '.join(names)}) > ({', '.join(values)})"


def extent(asked: Asked, period: Window, given: Parameters) -> str:
    """How many rows count in a period, and the seconds of the first and the last of them."""
    found = rows(asked, period, given)
    return f"SELECT count(), toUnixTimestamp64Second(min(time)), toUnixTimestamp64Second(max(time)) FROM ({found})"
