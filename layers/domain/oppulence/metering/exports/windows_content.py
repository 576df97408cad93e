"""Files of windows: quantities of meters as `query` answers, meter by meter, in its order, cut by number."""

from base64 import b64encode
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import meters, query
from oppulence.metering import store as meters_store
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import InvalidExport, MeterNotFound
from oppulence.metering.exports.models import Export
from oppulence.metering.exports.parts import Column, Part, as_text
from oppulence.metering.models import Meter, MeterQuery
from oppulence.metering.query import Question
from oppulence.metering.readings import Reading, Row
from oppulence.metering.windows import Window, whole, windows, zone

FILE_ROWS, FILE_BYTES = 50_000, 16 * 1024 * 1024
"""Of a file, whichever comes first; it holds some more bytes, as rows come `STEP_ROWS` at a time."""

STEP_ROWS = 5_000

MAX_METERS = 500
_PREFIX = "group_"
_Chosen = tuple[str, list[str]]
"""A meter's id, and those of its dimensions that the export is grouped by."""

_TYPES = {"text": "Nullable(String)", "decimal": "Nullable(String)", "timestamp": "Int64", "integer": "Int64"}


def columns(export: Export) -> list[Column]:
    """What each row has: those that the export is grouped by beside the rest."""
    grouped = export.selection.group_by or []
    own = [
        Column("meter_id", "text", "The meter's id.", "r.meter_id"),
        Column("meter", "text", "The meter's slug.", "r.meter"),
        Column("window_start", "timestamp", "The first second, UTC.", "toDateTime64(r.window_start, 3, 'UTC')"),
        Column("window_end", "timestamp", "The first second after, UTC.", "toDateTime64(r.window_end, 3, 'UTC')"),
    ]
    texts = {"subject": "Whose usage it is.", "customer_id": "The customer whose usage it is."}
    own += [Column(name, "text", texts[name], f"r.{name}") for name in RESERVED if name in grouped]
    own += [
        Column(f"{_PREFIX}{name}", "text", f"The meter's dimension {name}.", f"r.`{_PREFIX}{name}`")
        for name in grouped if name not in RESERVED
    ]  # fmt: skip
    return [*own, Column("quantity", "decimal", "Exact, as text.", "r.quantity")]


def begin(scope: Scope, export: Export) -> tuple[dict[str, Any] | None, int]:
    """The first place, with what each meter is grouped by to the end, and how many windows there are, of all meters together.

    Raises:
        MeterNotFound: one that was named is gone.
        Unavailable: earlier usage is still being counted for one.
    """

    def choose(uow: UnitOfWork) -> list[_Chosen]:
        ids = [one.id for one in _meters(uow, export)]
        meters.check_filled(uow, ids)
        known = meters_store.dimensions(uow.conn, ids)
        return [
            (id_, [name for name in export.selection.group_by or () if name in RESERVED or name in known.get(id_, ())])
            for id_ in ids
        ]  # fmt: skip

    chosen = in_transaction(scope, choose)
    return _place(chosen, 0, None), len(chosen) * len(_windows(export))


def part(scope: Scope, export: Export) -> Part | None:
    """What the next file holds; None after the last one. The first may be empty.

    Raises:
        TooManySubjects: the customers have more than a question takes.
    """
    if export.cursor is None:
        return None if export.files else Part(0, {"cursor": None, "done": export.done}, _statement(export, []), {})
    chosen, number, after = export.cursor["meters"], export.cursor["meter"], export.cursor["after"]
    rows: list[bytes] = []
    all_windows, size = _windows(export), 0
    while number < len(chosen) and len(rows) < FILE_ROWS and size < FILE_BYTES:
        meter_id, group_by = chosen[number]
        try:
            meter = in_transaction(scope, lambda uow: meters.get(uow, meter_id))  # noqa: B023
            reading = _reading(scope, export, meter_id, group_by)
        except MeterNotFound:  # deleted meanwhile, as it counted nothing
            number, after = number + 1, None
            continue
        most = min(FILE_ROWS - len(rows), STEP_ROWS)
        found = reading.rows((datetime.fromisoformat(after[0]), tuple(after[1:])) if after else None, most)
        lines = [to_json(_row(meter, row)) for row in found]
        rows, size = rows + lines, size + sum(map(len, lines))
        if len(found) == most:
            start, keys = reading.key(found[-1])
            after = [start.isoformat(), *keys]
        else:
            number, after = number + 1, None
    passed = bisect_right([one.start for one in all_windows], datetime.fromisoformat(after[0])) - 1 if after else 0
    if not rows and export.files:
        return None
    return Part(
        len(rows),
        {"cursor": _place(chosen, number, after), "done": number * len(all_windows) + passed},
        _statement(export, rows),
        {},
    )


def _place(chosen: Sequence[_Chosen], number: int, after: Sequence[str | None] | None) -> dict[str, Any] | None:
    """Where the work is: which meter, and the window and groups of its last row. None at the end."""
    return {"meters": chosen, "meter": number, "after": after} if number < len(chosen) else None


def _reading(scope: Scope, export: Export, meter_id: str, group_by: Sequence[str]) -> Reading:
    since, until = export.period
    question = Question(
        meter_id, since, until, export.selection.window_size, export.time_zone, subjects=tuple(export.selection.subjects or ()),
        group_by=tuple(group_by), as_of=export.settlement, known_at=export.as_of,
    )  # fmt: skip
    return query.read(scope, question)


def _row(meter: Meter, row: Row) -> dict[str, Any]:
    return {
        "meter_id": meter.id, "meter": meter.slug, "window_start": int(row.window_start.timestamp()),
        "window_end": int(row.window_end.timestamp()), "subject": row.subject, "customer_id": row.customer_id,
        **{f"{_PREFIX}{name}": value for name, value in row.groups.items()},
        "quantity": None if row.value is None else format(row.value, "f"),
    }  # fmt: skip


def _statement(export: Export, rows: Sequence[bytes]) -> str:
    """The rows travel to the store within the statement, as base64, and come back in the export's format."""
    shown = columns(export)
    structure = ", ".join(f"`{one.name}` {_TYPES[one.type]}" for one in shown)
    content = b64encode(b"\n".join(rows)).decode()
    return f"SELECT {as_text(shown, export.format)} FROM format(JSONEachRow, '{structure}', base64Decode('{content}')) AS r"


def _windows(export: Export) -> list[Window]:
    """The windows of the period, the same for every meter.

    Raises:
        TooManyWindows: more than are answered.
    """
    period, size = whole(*export.period), export.selection.window_size
    return [period] if size is None else windows(period, size, zone(export.time_zone))


def _meters(uow: UnitOfWork, export: Export) -> list[Meter]:
    if export.selection.meters is not None:
        return [meters.get(uow, key) for key in dict.fromkeys(export.selection.meters)]
    found = meters_store.page(uow.conn, MeterQuery(), None, MAX_METERS + 1)
    if len(found) > MAX_METERS:
        raise InvalidExport(f"The workspace has more than {MAX_METERS} meters. Name those to export.", param="meters")
    return found[::-1]
