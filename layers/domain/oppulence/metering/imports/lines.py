"""Cutting a part of a file at line ends. Pure: the same bytes from the same place give the same records.

A record is a line of NDJSON, or a row of CSV, which may hold line breaks between quotes. Lines are counted as an editor counts
them; a record is named by the line it begins on.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Dialect

RECORD_MAX = 262_144
"""Bytes of a record. What is longer is rejected as one, whatever it holds."""

TOO_LONG = f"It is longer than {RECORD_MAX:,} bytes."
NEVER_CLOSED = (
    f"A quote is opened and not closed at a cell's end within {RECORD_MAX:,} bytes. Within quotes a quote is written twice."
)

csv.field_size_limit(RECORD_MAX)


@dataclass(frozen=True, slots=True)
class Record:
    """The bytes of a record without its line end, and the number of its line, from 1. `problem` is why it cannot be read."""

    line: int
    content: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading goes on: the byte, how many lines lie before it, and whether it is inside a line that was rejected."""

    position: int = 0
    lines: int = 0
    skipping: bool = False


@dataclass
class Cut:
    """Records of a part, in order, and the place after the last of them."""

    place: Place
    records: list[Record] = field(default_factory=list)


@cache
def dialect(delimiter: str) -> "Dialect":
    """CSV with this delimiter. To make it takes as long as to read a row."""
    return csv.reader((), delimiter=delimiter, strict=True).dialect


def cut(part: bytes, place: Place, *, last: bool, delimiter: str | None) -> Cut:
    """Cut a part that begins at `place`. `last`: the file ends with it. `delimiter`: of CSV, whose quoted cells hold line breaks.

    A part longer than RECORD_MAX always moves the place on.
    """
    lines = part.split(b"\n")
    tail = lines.pop()  # what follows the last line break
    if last and tail:
        lines.append(tail)
        tail = b""
    position, number, records = place.position, place.lines, []
    first = 0
    if place.skipping and lines:
        position, number, first = position + len(lines[0]) + 1, number + 1, 1
    elif place.skipping:
        return Cut(Place(position + len(part), number + last, skipping=not last))
    index = first
    while index < len(lines):
        until, problem = _record_end(lines, index, delimiter)
        if until is None and not last and len(part) - (position - place.position) <= RECORD_MAX:
            break  # it goes on in the next part
        content, taken = b"\n".join(lines[index : until or index + 1]), (until or index + 1) - index
        position += len(content) + 1
        number += taken
        index += taken
        content = content.removesuffix(b"\r")
        if len(content) > RECORD_MAX:
            problem = TOO_LONG
        if content.strip() or problem:
            records.append(Record(number - taken + 1, content, problem))
    end = place.position + len(part)
    if index == len(lines) and len(tail) > RECORD_MAX:
        records.append(Record(number + 1, tail, TOO_LONG))
        return Cut(Place(end, number, skipping=True), records)
    return Cut(Place(min(position, end), number), records)


def _record_end(lines: Sequence[bytes], start: int, delimiter: str | None) -> tuple[int | None, str | None]:
    """The index after a record's last line; None where it has no end, so that its first line alone is rejected."""
    if delimiter is None or b'"' not in lines[start]:
        return start + 1, None
    row = csv.reader(_texts(lines, start), dialect(delimiter))
    try:
        next(row)
    except csv.Error:
        return None, NEVER_CLOSED
    return start + row.line_num, None


def _texts(lines: Sequence[bytes], start: int) -> Iterator[str]:
    """Lines that may belong to the record that begins with the first of them, a character for each byte."""
    room = RECORD_MAX - len(lines[start])
    yield lines[start].decode("latin-1")
    for index in range(start + 1, len(lines)):
        room -= len(lines[index]) + 1
        if room < 0:
            break
        yield lines[index].decode("latin-1")
