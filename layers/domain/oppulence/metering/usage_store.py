"""Statements that write usage in the analytical store. Each names the workspaces whose rows it touches.

What a settlement inserts carries its token, so of two who insert it at once one does; for that, every insert gives the same rows
in one block however often it runs: ordered, by one thread, put together before it is written. A server forgets tokens after an
hour: a settlement that is taken up again leaves out what it finds of itself.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from oppulence.kernel import olap
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.ids import random_text
from oppulence.metering.models import MeterVersion
from oppulence.metering.reckoning import Row

TABLES = ("usage_landing", "usage_chosen", "usage_events", "usage_values", "usage_rejections", "usage_ids")
"""In the order of deletion: while the values of an id are there it is known that it counted."""

COUNTED = (
    "usage_landing ARRAY JOIN counted.meter AS meter, counted.version AS version, counted.number AS number, counted.text AS text,"
    " counted.groups AS groups, counted.problem AS problem"
)
"""What landed events count, as a table with a row for each event and version."""

Version = tuple[str, int]
"""A meter, and one of its versions."""

WORKSPACES_AT_ONCE, VERSIONS_AT_ONCE, TYPES_AT_ONCE = 1000, 3000, 100
"""Of one statement: a server takes 128 KB of a parameter."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = -2_208_988_800_000_000  # 1900, since when the store has times
_ONE_BLOCK = {
    "max_threads": 1, "max_insert_threads": 1, "min_insert_block_size_rows": 1 << 30, "min_insert_block_size_bytes": 1 << 40,
    "max_partitions_per_insert_block": 0,
}  # fmt: skip
_EVENT = ("workspace_id", "batch_id", "sequence", "source", "id", "type", "subject", "time", "stored_at", "data")
_SETTLED_VALUE = (
    "workspace_id", "meter", "version", "subject", "time", "source", "id", "stored_at", "sequence", "number", "text", "groups",
    "settlement",
)  # fmt: skip
_REJECTION = ("workspace_id", "time", "source", "id", "meter", "version", "problem", "settlement")
_EVENTS, _VALUES, _REJECTIONS = ", ".join(_EVENT), ", ".join(_SETTLED_VALUE[:-1]), ", ".join(_REJECTION[:-1])
_OURS = "workspace_id IN {workspaces:Array(String)} AND batch_id IN {batches:Array(String)}"
_CHOSEN = (
    "(workspace_id, batch_id, sequence) IN (SELECT workspace_id, batch_id, sequence FROM usage_chosen"
    " WHERE workspace_id IN {workspaces:Array(String)} AND shard = {shard:UInt16} AND settlement = {number:UInt64})"
)
_WRITTEN = "workspace_id IN {workspaces:Array(String)} AND settlement = {number:UInt64} AND {again:Bool}"
_VALUE = "workspace_id, meter, version, source, id"
_COUNTING = "(meter, version) IN {versions:Array(Tuple(String, UInt32))}"

_CHOOSE = f"""
INSERT INTO usage_chosen (shard, settlement, workspace_id, batch_id, sequence, id_hash)
SELECT {{shard:UInt16}}, {{number:UInt64}}, workspace_id, place.1, place.2, id_hash
  FROM (SELECT workspace_id, id_hash, argMin((batch_id, sequence), (stored_at, sequence, batch_id)) AS place
          FROM usage_landing WHERE {_OURS} GROUP BY workspace_id, id_hash)
 WHERE (workspace_id, id_hash) NOT IN (
         SELECT workspace_id, id_hash FROM usage_ids
          WHERE workspace_id IN {{workspaces:Array(String)}} AND settlement < {{number:UInt64}}
            AND id_hash IN (SELECT id_hash FROM usage_landing WHERE {_OURS}))
   AND (workspace_id, id_hash) NOT IN (SELECT workspace_id, id_hash FROM usage_chosen WHERE {_WRITTEN})
 ORDER BY workspace_id, place, id_hash
"""
_KEEP_EVENTS = f"""
INSERT INTO usage_events ({_EVENTS}, landed_at, settlement)
SELECT {_EVENTS}, landed_at, {{number:UInt64}} FROM usage_landing WHERE {_OURS} AND {_CHOSEN}
   AND (workspace_id, batch_id, sequence) NOT IN (SELECT workspace_id, batch_id, sequence FROM usage_events WHERE {_WRITTEN})
 ORDER BY workspace_id, type, time, source, id, landed_at LIMIT 1 BY workspace_id, batch_id, sequence
"""
_COUNT = f"""
INSERT INTO usage_values ({_VALUES}, settlement)
SELECT {_VALUES}, {{number:UInt64}} FROM {COUNTED} WHERE {_OURS} AND problem = '' AND {_COUNTING} AND {_CHOSEN}
   AND ({_VALUE}) NOT IN (SELECT {_VALUE} FROM usage_values WHERE {_WRITTEN})
 ORDER BY workspace_id, meter, version, subject, time, source, id LIMIT 1 BY workspace_id, batch_id, sequence, meter, version
"""
_REJECT = f"""
INSERT INTO usage_rejections ({_REJECTIONS}, settlement)
SELECT {_REJECTIONS}, {{number:UInt64}} FROM {COUNTED}
 WHERE {_OURS} AND arrayExists(one -> one != '', counted.problem) AND problem != '' AND {_COUNTING} AND {_CHOSEN}
   AND ({_VALUE}) NOT IN (SELECT {_VALUE} FROM usage_rejections WHERE {_WRITTEN})
 ORDER BY workspace_id, time, source, id, meter, version LIMIT 1 BY workspace_id, batch_id, sequence, meter, version
"""
_KEEP_IDS = f"""
INSERT INTO usage_ids (workspace_id, id_hash, settlement)
SELECT workspace_id, id_hash, {{number:UInt64}} FROM usage_chosen
 WHERE workspace_id IN {{workspaces:Array(String)}} AND shard = {{shard:UInt16}} AND settlement = {{number:UInt64}}
   AND (workspace_id, id_hash) NOT IN (SELECT workspace_id, id_hash FROM usage_ids WHERE {_WRITTEN})
 ORDER BY workspace_id, id_hash
"""
_STATEMENTS = {
    "usage_chosen": _CHOOSE, "usage_events": _KEEP_EVENTS, "usage_values": _COUNT, "usage_rejections": _REJECT,
    "usage_ids": _KEEP_IDS,
}  # fmt: skip
STEPS: tuple[tuple[str, ...], ...] = (("usage_chosen",), ("usage_values", "usage_events", "usage_rejections"), ("usage_ids",))
"""What a settlement inserts: which rows it settles, then what it makes of them in any order, last that their ids are settled."""
BY_VERSION = ("usage_values", "usage_rejections")
"""Which of them are of versions of meters."""

_LANDED = f"""
SELECT {_EVENTS} FROM usage_landing WHERE {_OURS} AND type IN {{types:Array(String)}}
 ORDER BY workspace_id, batch_id, sequence LIMIT 1 BY workspace_id, batch_id, sequence
"""
_TO_FILL = f"""
SELECT {_EVENTS} FROM usage_events
 WHERE workspace_id = {{ws:String}} AND type = {{type:String}}
   AND settlement > {{since:UInt64}} AND settlement <= {{until:UInt64}}
   AND time >= fromUnixTimestamp64Micro({{first_us:Int64}}, 'UTC')
 ORDER BY time, source, id, batch_id, sequence
"""
_DOUBLED = tuple(
    f"SELECT count() FROM (SELECT 1 FROM {table} WHERE workspace_id IN {{workspaces:Array(String)}} GROUP BY {key}"
    " HAVING count() > 1) SETTINGS optimize_aggregation_in_order = 1"
    for table, key in (
        ("usage_ids", "workspace_id, id_hash"), ("usage_values", "workspace_id, meter, version, subject, time, source, id"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A settlement's place, and whose batches it settles."""

    shard: int
    number: int
    generation: int
    again: bool
    workspaces: Sequence[str]
    batches: Sequence[str]

    def token(self, table: str) -> str:
        """What its rows of a table are known by."""
        return f"{self.shard}-{self.number}-{self.generation}-{table}"


def is_up() -> None:
    """Raises:
    Unavailable: the store cannot be reached, or there is none.
    """
    if not olap.is_configured():
        raise Unavailable("This deployment has no analytical store, which usage events need. They wait.")
    if not olap.is_up():
        raise Unavailable("The analytical store is not reachable. The usage events wait.")


def land(events: Iterable[Row]) -> None:
    """Write landed events with what they count. Each time under a token of its own: rows that stand twice are read once, but the
    store would leave out what it takes for a repeat of rows that a rebuild has deleted since.

    Raises:
        Unavailable: the store cannot be reached; it may be repeated.
    """
    olap.insert("usage_landing", (*_EVENT, "counted"), events, {"insert_deduplication_token": random_text(20)})


def settle(part: Part, table: str, versions: Sequence[Version], alone: bool) -> None:
    """Take one of a settlement's steps, for these versions of meters; `alone`: there are no others. Harmless to repeat.

    Raises:
        Unavailable: the store cannot be reached.
    """
    parameters: dict[str, Any] = {
        "shard": part.shard, "number": part.number, "workspaces": list(part.workspaces), "batches": list(part.batches),
        "again": part.again,
    }  # fmt: skip
    token = part.token(table)
    if table in BY_VERSION:
        parameters["versions"] = list(versions)
        token = token if alone else f"{token}-{_digest(versions)}"
    olap.work(_STATEMENTS[table], parameters, _ONE_BLOCK | {"insert_deduplication_token": token})


def landed(workspaces: Sequence[str], batches: Sequence[str], types: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Landed events of these types, each once; those of a batch follow each other as far as they are asked for together."""
    ours = {"workspaces": list(workspaces), "batches": list(batches)}
    for start in range(0, len(types), TYPES_AT_ONCE):
        yield from olap.query(_LANDED, ours | {"types": list(types[start : start + TYPES_AT_ONCE])})


def to_fill(workspace_id: str, version: MeterVersion, since: int, until: int) -> list[Sequence[Any]]:
    """Events of the settlements in (since, until] that may be a version's."""
    return olap.query(
        _TO_FILL,
        {
            "ws": workspace_id, "type": version.event_type, "since": since, "until": until,
            "first_us": _FIRST_US if version.effective_from is None else _micros(version.effective_from),
        },
    )  # fmt: skip


def fill(part: Part, values: Sequence[Row], rejections: Sequence[Row]) -> None:
    """Write what events of earlier settlements count. Harmless to repeat.

    Raises:
        Unavailable: the store cannot be reached.
    """
    for table, columns, all_rows in (("usage_values", _SETTLED_VALUE, values), ("usage_rejections", _REJECTION, rejections)):
        rows = _unwritten(part, table, columns, all_rows) if part.again else all_rows
        if rows:
            olap.insert(table, columns, rows, _ONE_BLOCK | {"insert_deduplication_token": part.token(table)})


def erase(workspaces: Sequence[str], before_each: Callable[[], None] = lambda: None) -> None:
    """Delete all that workspaces have here, and wait for it. Repeating it is harmless. `before_each`: of the deletions, each of
    which may take a minute.

    Raises:
        Unavailable: the store cannot be reached.
    """
    for table in TABLES:
        for start in range(0, len(workspaces), WORKSPACES_AT_ONCE):
            before_each()
            theirs = {"workspaces": list(workspaces[start : start + WORKSPACES_AT_ONCE])}
            where = "WHERE workspace_id IN {workspaces:Array(String)}"
            if olap.query(f"SELECT 1 FROM {table} {where} LIMIT 1", theirs):  # else all parts are written anew, for nothing
                olap.work(f"ALTER TABLE {table} DELETE {where}", theirs, {"mutations_sync": 2})


def doubled(workspaces: Sequence[str]) -> int:
    """How many ids and values of workspaces stand more than once; none should.

    Raises:
        Unavailable: the store cannot be reached.
    """
    found = 0
    for statement in _DOUBLED:
        for start in range(0, len(workspaces), WORKSPACES_AT_ONCE):
            ((number,),) = olap.query(statement, {"workspaces": list(workspaces[start : start + WORKSPACES_AT_ONCE])})
            found += int(number)
    return found


def aware(at: datetime) -> datetime:
    """A time as the store's client gives it, in UTC without saying so."""
    return at.replace(tzinfo=UTC)


def _unwritten(part: Part, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Rows of a settlement that the table does not have."""
    parameters = {"workspaces": list(part.workspaces), "number": part.number, "again": True}
    written = {tuple(row) for row in olap.query(f"SELECT source, id FROM {table} WHERE {_WRITTEN}", parameters)}
    source = columns.index("source")
    return [row for row in rows if row[source : source + 2] not in written]


def _digest(versions: Sequence[Version]) -> str:
    return hashlib.sha256(repr(versions).encode()).hexdigest()[:32]


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
