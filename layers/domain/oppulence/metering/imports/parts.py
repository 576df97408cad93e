"""A part of a file as usage events, and the lines that are none. Pure: the same part gives the same events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from oppulence.metering import cloudevents
from oppulence.metering.cloudevents import Defaults, Refused
from oppulence.metering.imports.columns import Columns, Unusable
from oppulence.metering.imports.lines import Place, Record, cut
from oppulence.metering.imports.models import Import
from oppulence.metering.usage_event import SentEvent
from oppulence.metering.windows import EARLIEST

TEXT_MAX = 1000
"""Characters of a rejected line that are shown."""

_BOM = b"\xef\xbb\xbf"
_UNPACK, _CONVERT = "Unpack it first", "Convert it to UTF-8 first, as with iconv"
_OTHER_FILES = {
    b"\x1f\x8b": ("gzip", _UNPACK), b"PK\x03\x04": ("zip", _UNPACK), b"\x28\xb5\x2f\xfd": ("zstd", _UNPACK),
    b"BZh": ("bzip2", _UNPACK), b"\xff\xfe": ("UTF-16", _CONVERT), b"\xfe\xff": ("UTF-16", _CONVERT),
    b"PAR1": ("Parquet", "Write it as CSV or NDJSON"),
}  # fmt: skip
_NO_UTF8 = "It is no UTF-8."


class Unreadable(Exception):
    """No line of the file can be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is no event: its number, what of it is wrong, and its beginning."""

    line: int
    field: str | None
    reason: str
    text: str


@dataclass
class Part:
    """What was read: events in the order of their lines, and the place behind them."""

    place: Place
    header: str | None
    events: list[SentEvent] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_part(row: Import, content: bytes) -> Part:
    """Read a part of an import's file that begins at its place.

    Raises:
        Unreadable: the file is of another kind, or its header is of no use.
    """
    place, end = Place(row.position, row.lines, row.skipping), row.position + len(content)
    if row.position == 0:
        content = _beginning(content)
        place = Place(end - len(content))
    found = cut(content, place, last=end >= row.size_bytes, delimiter=row.delimiter if row.format == "csv" else None)
    records, part = iter(found.records), Part(found.place, row.header)
    assert row.stamped_at is not None, "set when the import began"
    read = cloudevents.alone(Defaults(row.id, row.source, row.stamped_at, row.oldest or EARLIEST))
    as_event: Callable[[str], str] = str
    if row.format == "csv":
        part.header = part.header or _header(next(records, None))
        if part.header is None:
            return part
        as_event = _columns(part.header, row).event
    _sort(records, part, lambda record: read(record.line, as_event(record.content.decode())))
    return part


def _beginning(content: bytes) -> bytes:
    """The file without its byte order mark.

    Raises:
        Unreadable: the file is of another kind.
    """
    for mark, (kind, remedy) in _OTHER_FILES.items():
        if content.startswith(mark):
            raise Unreadable(f"The file is {kind}. {remedy}, then ask for another import.")
    return content.removeprefix(_BOM)


def _header(record: Record | None) -> str | None:
    """The first line of CSV; None where there is none yet."""
    if record is None:
        return None
    try:
        text = record.content.decode()
    except UnicodeDecodeError:
        raise Unreadable(f"The header cannot be read: {_NO_UTF8} Convert the file, then ask for another import.") from None
    if record.problem is not None:
        raise Unreadable(f"The header cannot be read: {record.problem}")
    return text


def _columns(header: str, row: Import) -> Columns:
    try:
        return Columns(header, row.delimiter, row.columns)
    except Unusable as error:
        raise Unreadable(error.reason) from None


def _sort(records: Iterator[Record], part: Part, read: Callable[[Record], cloudevents.Sent | Refused]) -> None:
    """Read each record into events or problems."""
    for record in records:
        try:
            if record.problem is not None:
                raise Unusable(record.problem)
            found = read(record)
            if isinstance(found, Refused):
                raise Unusable(found.reason, found.field or None)
        except UnicodeDecodeError:
            part.problems.append(_problem(record, None, _NO_UTF8))
        except RecursionError:
            part.problems.append(_problem(record, None, "It is nested too deep."))
        except Unusable as error:
            part.problems.append(_problem(record, error.field, error.reason))
        else:
            part.events.append(found.event)


def _problem(record: Record, field_: str | None, reason: str) -> Problem:
    text = record.content[: 4 * TEXT_MAX].decode(errors="replace")[:TEXT_MAX]
    return Problem(record.line, field_, reason, text)
