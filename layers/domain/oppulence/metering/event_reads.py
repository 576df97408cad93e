"""Statements that find single events: settled ones, and the landed ones that will be settled. Newest first, by their own time.

Whatever a caller wrote is a parameter. Every table is read with the workspace's filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oppulence.kernel import olap
from oppulence.metering.asked import Asked
from oppulence.metering.attribution import Owned
from oppulence.metering.hands import histories, micros, owner
from oppulence.metering.parameters import Parameters
from oppulence.metering.usage_reads import instant, rows
from oppulence.metering.usage_store import COUNTED
from oppulence.metering.windows import Window

Place = tuple[datetime, str, str]
"""Time, source and id of an event."""
Step = tuple[datetime, str, str, int]
"""The same, and which of the rows of one event it is."""

_NEWEST = "ORDER BY time DESC, source DESC, id DESC"
_EVENT = "source, id, type, subject, time, data, stored_at, sequence, landed_at, batch_id"


@dataclass(slots=True)
class Found:
    """An event as it is stored. `settlement` is None while it has only landed."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    data: str | None
    stored_at: datetime
    sequence: int
    landed_at: datetime
    batch_id: str
    settlement: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. Ranges are half-open; None is any. `problem`: `rejected`, `unmatched`, or `any` of the two.

    `ended` are versions of meters (meter, version, until when): what they counted of later events, before they were known to end,
    is nothing to `meter` and `problem`.
    """

    types: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    owned: tuple[Owned, ...] | None = None
    source: str | None = None
    id: str | None = None
    part_of_id: str | None = None
    part_of_subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    stored_since: datetime | None = None
    stored_until: datetime | None = None
    meter: str | None = None
    problem: str | None = None
    ended: tuple[tuple[str, int, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Whose events, settled up to which number, and which landed batches are read beside them."""

    workspace_id: str
    settled: int
    tail: tuple[str, ...]


def events(moment: Moment, wanted: Wanted, after: Place | None, most: int) -> list[Found]:
    """At most so many events that come after one."""
    given = Parameters({"ws": moment.workspace_id})
    where = " AND ".join([*_conditions(wanted, given), *([_after(after, given)] if after else [])]) or "1"
    counted = _counted(moment, wanted, given)
    text = f"""
      SELECT {_EVENT}, toNullable(settlement) AS settled_in FROM usage_events
       WHERE workspace_id = {{ws:String}} AND settlement <= {moment.settled} AND {where} {counted} {_NEWEST} LIMIT {most}"""
    if moment.tail:
        tail = given.many(moment.tail)
        ours = f"workspace_id = {{ws:String}} AND batch_id IN {tail}"
        counted = _counted(moment, wanted, given, tail)
        text = f"""
          SELECT * FROM ({text}) UNION ALL SELECT * FROM (
            SELECT {_EVENT}, CAST(NULL AS Nullable(UInt64)) AS settled_in FROM usage_landing
             WHERE {ours} AND {where} {counted}
               AND (batch_id, sequence) IN (
                 SELECT place.1, place.2 FROM (
                   SELECT argMin((batch_id, sequence), (stored_at, sequence, batch_id)) AS place FROM usage_landing
                    WHERE {ours} GROUP BY id_hash))
               AND id_hash NOT IN (
                 SELECT id_hash FROM usage_ids WHERE workspace_id = {{ws:String}} AND settlement <= {moment.settled}
                    AND id_hash IN (SELECT id_hash FROM usage_landing WHERE {ours} AND {where}))
             {_NEWEST} LIMIT 1 BY batch_id, sequence LIMIT {most})"""
    return [Found(*_utc(row)) for row in olap.query(f"SELECT * FROM ({text}) {_NEWEST} LIMIT {most}", given.values)]


def of_meter(asked: Asked, period: Window, after: Step | None, most: int) -> list[Sequence[Any]]:
    """The rows that a quantity of a period is made of: time, source, id, subject, number, text, stored_at, step, dimensions.

    The step is 0 for an event itself; 1 for what left with its subject, and 2 for what came with it, at that time.
    """
    given = Parameters()
    source = rows(asked, period, given)
    where = f"WHERE {_after(after, given)}" if after else ""
    keys = "".join(f", k{n}" for n in range(len(asked.group_by)))
    step = "step" if asked.moves else "0 AS step"
    found = olap.query(
        f"""
        SELECT time, source, id, subject, toString(number), text, stored_at, {step}{keys} FROM ({source}) {where}
         {_NEWEST}, step DESC LIMIT {most}
        """,
        given.values,
    )
    return [_utc(row) for row in found]


def _conditions(wanted: Wanted, given: Parameters) -> list[str]:
    found = []
    for column, values in (("type", wanted.types), ("subject", wanted.subjects)):
        if values is not None:
            found.append(f"{column} IN {given.many(values)}" if values else "0")
    for column, value in (("source", wanted.source), ("id", wanted.id)):
        if value is not None:
            found.append(f"{column} = {given.one(value)}")
    for column, part in (("id", wanted.part_of_id), ("subject", wanted.part_of_subject)):
        if part is not None:
            found.append(f"position({column}, {given.one(part)}) > 0")
    for column, since, until in (("time", wanted.since, wanted.until), ("stored_at", wanted.stored_since, wanted.stored_until)):
        found += [f"{column} >= {instant(since)}"] if since else []
        found += [f"{column} < {instant(until)}"] if until else []
    if wanted.owned is not None:
        found += [*histories(wanted.owned, given), f"{owner(wanted.owned, given)} != ''"]
    return found


def _counted(moment: Moment, wanted: Wanted, given: Parameters, tail: str | None = None) -> str:
    """The condition on what meters made of an event."""
    here = "workspace_id = {ws:String} AND " + (f"batch_id IN {tail}" if tail else f"settlement <= {moment.settled}")
    here += "".join(f" AND time {sign} {instant(at)}" for sign, at in ((">=", wanted.since), ("<", wanted.until)) if at)
    if wanted.ended:
        versions = given.many([f"{meter} {version}" for meter, version, _ in wanted.ended])
        ends = given.many([micros(until) for *_, until in wanted.ended], "Int64")
        until = f"transform(concat(meter, ' ', toString(version)), {versions}, {ends}, toInt64({2**63 - 1}))"
        here += f" AND toUnixTimestamp64Micro(time) < {until}"
    key = "batch_id, sequence" if tail else "time, source, id"
    values, rejections = (COUNTED,) * 2 if tail else ("usage_values", "usage_rejections")
    well, ill = f"SELECT {key} FROM {values} WHERE {here}", f"SELECT {key} FROM {rejections} WHERE {here}"
    if tail:
        well, ill = f"{well} AND problem = ''", f"{ill} AND problem != ''"
    parts = []
    if wanted.meter is not None:
        meter = given.one(wanted.meter)
        parts.append(f"({key}) IN ({well} AND meter = {meter} UNION ALL {ill} AND meter = {meter})")
    match wanted.problem:
        case "rejected":
            parts.append(f"({key}) IN ({ill})")
        case "unmatched":
            parts.append(f"({key}) NOT IN ({well} UNION ALL {ill})")
        case "any":
            parts.append(f"(({key}) IN ({ill}) OR ({key}) NOT IN ({well}))")
    return "".join(f" AND {part}" for part in parts)


def _after(place: Place | Step, given: Parameters) -> str:
    """Older than an event, or one of its rows; the first part says it in words that the table's index knows."""
    time, source, id_, *step = place
    values = ", ".join([given.one(source), given.one(id_), *(given.one(one, "UInt8") for one in step)])
    names = "source, id, step" if step else "source, id"
    return f"time <= {instant(time)} AND (time < {instant(time)} OR ({names}) < ({values}))"


def _utc(row: Sequence[Any]) -> list[Any]:
    return [one.replace(tzinfo=UTC) if isinstance(one, datetime) else one for one in row]
