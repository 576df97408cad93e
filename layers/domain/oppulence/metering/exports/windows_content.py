"""Files of windows: quantities of meters as `query` answers, meter by meter and window by window."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic_core import to_json

from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import meters, query
from oppulence.metering import store as meters_store
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import InvalidExport, TooManyRows
from oppulence.metering.exports.models import Export
from oppulence.metering.exports.parts import Column, Part, as_text
from oppulence.metering.models import Meter, MeterQuery
from oppulence.metering.query import Question
from oppulence.metering.windows import Window, whole, windows, zone

FILE_ROWS = 50_000
"""At least so many rows are in each file but the last."""

MAX_METERS = 500
FIRST_ASK, MOST_ASKED = 24, 10_000
"""Windows that are asked for at once: fewer where these give too many rows, more where they give few."""

_PREFIX = "group_"
_TYPES = {"text": "Nullable(String)", "decimal": "Nullable(String)", "timestamp": "Int64", "integer": "Int64"}


@dataclass(slots=True)
class _Place:
    """Where the work is: which meter, which of its windows, and how many windows are asked for at once."""

    meters: list[str]
    meter: int
    window: int
    ask: int

    def pack(self) -> dict[str, Any] | None:
        """As it is stored; None at the end."""
        if self.meter == len(self.meters):
            return None
        return asdict(self)


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
    """The first place, and how many windows there are, of all meters together.

    Raises:
        MeterNotFound: one that was named is gone.
    """
    ids = in_transaction(scope, lambda uow: [one.id for one in _meters(uow, export)])
    place = _Place(ids, 0, 0, FIRST_ASK).pack()
    return place, len(ids) * len(_windows(export))


def part(scope: Scope, export: Export) -> Part | None:
    """What the next file holds; None after the last one. The first may be empty.

    Raises:
        TooManyRows: one window has more rows than are answered.
    """
    if export.cursor is None and export.files:
        return None
    place, all_windows = _Place(**(export.cursor or _NOWHERE)), _windows(export)
    rows: list[dict[str, Any]] = []
    done = export.done
    while place.meter < len(place.meters) and len(rows) < FILE_ROWS:
        meter = in_transaction(scope, lambda uow: meters.get(uow, place.meters[place.meter]))
        found, asked = _ask(scope, export, meter, all_windows[place.window :], place)
        rows += found
        done += asked
        place.window += asked
        if place.window == len(all_windows):
            place.meter, place.window = place.meter + 1, 0
    if not rows and export.files:
        return None
    return Part(len(rows), {"cursor": place.pack(), "done": done}, _statement(export, rows), {})


_NOWHERE: dict[str, Any] = {"meters": [], "meter": 0, "window": 0, "ask": FIRST_ASK}


def _ask(scope: Scope, export: Export, meter: Meter, left: Sequence[Window], place: _Place) -> tuple[list[dict[str, Any]], int]:
    """Rows of the next windows, and how many windows these were."""
    known = [name for name in export.selection.group_by or [] if name in RESERVED or name in meter.group_by]
    while True:
        asked = left[: place.ask]
        question = Question(
            meter.id, asked[0].start, asked[-1].end, export.selection.window_size, export.time_zone,
            subjects=tuple(export.selection.subjects or ()), group_by=tuple(known), as_of=export.settlement,
        )  # fmt: skip
        try:
            answer = query.answer(scope, question)
        except TooManyRows:
            if len(asked) == 1:
                raise
            place.ask = max(1, len(asked) // 4)
            continue
        if len(answer.rows) < FILE_ROWS // 4:
            place.ask = min(place.ask * 2, MOST_ASKED)
        return [_row(meter, row) for row in answer.rows], len(asked)


def _row(meter: Meter, row: query.Row) -> dict[str, Any]:
    return {
        "meter_id": meter.id, "meter": meter.slug, "window_start": int(row.window_start.timestamp()),
        "window_end": int(row.window_end.timestamp()), "subject": row.subject, "customer_id": row.customer_id,
        **{f"{_PREFIX}{name}": value for name, value in row.groups.items()},
        "quantity": None if row.value is None else format(row.value, "f"),
    }  # fmt: skip


def _statement(export: Export, rows: Sequence[dict[str, Any]]) -> str:
    """The rows travel to the store within the statement, as base64, and come back in the export's format."""
    shown = columns(export)
    structure = ", ".join(f"`{one.name}` {_TYPES[one.type]}" for one in shown)
    content = b64encode(b"\n".join(to_json(row) for row in rows)).decode()
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
