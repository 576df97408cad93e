"""Files of events: what was settled of a period, in the order of type, time, source and id, cut by number and size."""

from typing import Any

from oppulence.kernel import olap
from oppulence.metering.exports.models import Export
from oppulence.metering.exports.parts import Column, Part, as_text, instant

FILE_ROWS = 200_000
FILE_BYTES = 128 * 1024 * 1024
"""Of the events' data: a file holds less than twice that, but for a single event that is larger."""

COLUMNS = (
    Column("id", "text", "Unique with its source.", "e.id"),
    Column("source", "text", "Who sent it.", "e.source"),
    Column("type", "text", "What happened.", "e.type"),
    Column("subject", "text", "Who did it.", "e.subject"),
    Column("time", "timestamp", "When it happened, UTC.", "e.time", places=6),
    Column("ingested_at", "timestamp", "When it was accepted, UTC.", "e.stored_at", places=6),
    Column("settlement", "integer", "The settlement that counted it.", "e.settlement"),
    Column("data", "text", "The JSON that was sent, to the letter.", "e.data"),
)
_KEY = "(e.type, e.time, e.source, e.id)"
_HERE = """
    FROM usage_events AS e
   WHERE e.workspace_id = {workspace_id:String} AND e.settlement <= {settlement:UInt64}
     AND e.time >= {since:DateTime64(6, 'UTC')} AND e.time < {until:DateTime64(6, 'UTC')}
"""
_TYPES = " AND e.type IN {types:Array(String)}"
_SUBJECTS = " AND e.subject IN {subjects:Array(String)}"
# The first lines say the same as the last one, in words that the table's index knows.
_AFTER = """
     AND e.type >= {after_type:String} AND (e.type > {after_type:String} OR e.time >= {after_time:DateTime64(6, 'UTC')})
     AND (e.type, e.time, e.source, e.id)
       > ({after_type:String}, {after_time:DateTime64(6, 'UTC')}, {after_source:String}, {after_id:String})
"""
_UPTO = """
     AND e.type <= {upto_type:String} AND (e.type < {upto_type:String} OR e.time <= {upto_time:DateTime64(6, 'UTC')})
     AND (e.type, e.time, e.source, e.id)
      <= ({upto_type:String}, {upto_time:DateTime64(6, 'UTC')}, {upto_source:String}, {upto_id:String})
"""


def total(workspace_id: str, export: Export) -> int:
    """How many events there are."""
    ((rows,),) = olap.query(f"SELECT count() {_where(export)}", _values(workspace_id, export))
    return int(rows)


def part(workspace_id: str, export: Export) -> Part | None:
    """What the next file holds; None after the last one. The first may be empty."""
    if export.cursor is None and export.files:
        return None
    values = _values(workspace_id, export)
    rows, key = _reach(export, values)
    if not rows and export.files:
        return None
    if rows:
        values |= _place("upto", key)
    text = f"SELECT {as_text(COLUMNS, export.format)} {_where(export)} {_UPTO if rows else ' AND false'} ORDER BY {_KEY}"
    more = export.done + rows < (export.total or 0)
    return Part(rows, {"cursor": key if more else None, "done": export.done + rows}, text, values)


def _reach(export: Export, values: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """How many events the next file holds, and the last one's key."""
    most = FILE_ROWS
    while True:
        ((rows, size, last),) = olap.query(
            f"""
            SELECT count(), sum(length(coalesce(data, ''))), max((type, toString(time), source, id))
              FROM (SELECT e.type, e.time, e.source, e.id, e.data {_where(export)} ORDER BY {_KEY} LIMIT {{most:UInt64}})
            """,
            values | {"most": most},
        )
        if size <= FILE_BYTES or rows <= 1:
            return int(rows), dict(zip(("type", "time", "source", "id"), map(str, last), strict=True))
        most = max(1, int(rows) * FILE_BYTES // (2 * int(size)))


def _where(export: Export) -> str:
    chosen = export.selection
    return (
        _HERE
        + (_TYPES if chosen.event_types is not None else "")
        + (_SUBJECTS if chosen.subjects is not None else "")
        + (_AFTER if export.cursor is not None else "")
    )


def _values(workspace_id: str, export: Export) -> dict[str, Any]:
    since, until = export.period
    values: dict[str, Any] = {
        "workspace_id": workspace_id, "settlement": export.settlement, "since": instant(since), "until": instant(until),
        "types": export.selection.event_types, "subjects": export.selection.subjects,
    }  # fmt: skip
    values = {name: value for name, value in values.items() if value is not None}
    return values | (_place("after", export.cursor) if export.cursor is not None else {})


def _place(name: str, key: dict[str, Any]) -> dict[str, str]:
    return {f"{name}_{part}": key[part] for part in ("type", "time", "source", "id")}
