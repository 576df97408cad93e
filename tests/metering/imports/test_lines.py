"""Cutting files: wherever a part ends, the records are those of the whole file."""

import csv
import io
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oppulence.metering.imports import lines
from oppulence.metering.imports.lines import NEVER_CLOSED, TOO_LONG, Place, Record, cut


@pytest.fixture(autouse=True)
def short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "RECORD_MAX", 40)


def read(content: bytes, part_bytes: int, delimiter: str | None = None) -> tuple[list[Record], Place]:
    """All records of a file that is read in parts."""
    place, records = Place(), []
    while place.position < len(content):
        part = content[place.position : place.position + part_bytes]
        found = cut(part, place, last=place.position + len(part) >= len(content), delimiter=delimiter)
        assert found.place.position > place.position, "it must end"
        records += found.records
        place = found.place
    return records, place


def simple(records: list[Record]) -> list[tuple[int, bytes, bool]]:
    return [(one.line, one.content[:40], one.problem is not None) for one in records]


@given(st.lists(st.text("ab,é", max_size=12)), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(41, 80))
def test_lines_are_those_of_the_file_wherever_parts_end(texts: list[str], end: str, at_the_end: bool, size: int) -> None:
    content = (end.join(texts) + end * at_the_end).encode()
    records, place = read(content, size)
    assert [(one.line, one.content.decode()) for one in records] == [(n, text) for n, text in enumerate(texts, 1) if text]
    assert place.position == len(content) and all(one.problem is None for one in records)
    assert place.lines == content.count(b"\n") + (not content.endswith(b"\n") and content != b"")


ROWS = st.lists(st.lists(st.text('a",\n', max_size=4), min_size=2, max_size=3), max_size=8)


@given(ROWS, st.integers(41, 90), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_rows_of_csv_may_hold_line_breaks_between_quotes(rows: list[list[str]], size: int, quoting: Literal[0, 1]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=quoting).writerows(rows)
    records, _ = read(buffer.getvalue().encode(), size, ",")
    assert [next(csv.reader([one.content.decode()], strict=True)) for one in records] == rows
    assert [one.line for one in records] == [1 + sum(str(row).count("\\n") + 1 for row in rows[:n]) for n in range(len(rows))]


BYTES = st.binary(max_size=300) | st.text('ab",\n\r', max_size=300).map(str.encode)


@given(BYTES, st.integers(41, 400), st.sampled_from([None, ",", "\t"]))
def test_any_bytes_are_cut_the_same_in_parts_of_any_size(content: bytes, size: int, delimiter: str | None) -> None:
    whole, place = read(content, 1000, delimiter)
    parts, end = read(content, size, delimiter)
    assert simple(parts) == simple(whole) and (end.position, end.lines) == (place.position, place.lines)


def test_a_line_that_is_too_long_is_one_problem_however_long_it_is() -> None:
    content = b"a\n" + b"x" * 500 + b"\nb\n" + b"y" * 41 + b"\nc"
    for size in (41, 60, 1000):
        records, place = read(content, size)
        assert [(one.line, one.problem) for one in records] == [(1, None), (2, TOO_LONG), (3, None), (4, TOO_LONG), (5, None)]
        assert place == Place(len(content), 5)


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    content = b'a,1\nb,"2\n' + b"c,3\n" * 20
    for size in (45, 64, 1000):
        records, _ = read(content, size, ",")
        assert [(one.line, one.problem) for one in records if one.problem] == [(2, NEVER_CLOSED)]
        assert [one.line for one in records] == list(range(1, 23))


def test_a_quote_that_is_open_at_the_end_is_a_problem() -> None:
    records, place = read(b'a,1\nb,"2\nc,3', 1000, ",")
    assert [(one.line, one.problem) for one in records] == [(1, None), (2, NEVER_CLOSED), (3, None)]
    assert place == Place(12, 3)


def test_a_quote_within_a_cell_opens_nothing() -> None:
    texts = [b'a,12" pipe', b"b,1", b'c,9",x', b'd,5"']
    for size in (41, 1000):
        for delimiter in (",", ";", "\t"):
            records, _ = read(b"\n".join(texts).replace(b",", delimiter.encode()), size, delimiter)
            assert [(one.line, one.problem) for one in records] == [(n, None) for n in range(1, 5)]


def test_a_quote_that_a_later_row_cannot_have_closed_costs_its_own_line_only() -> None:
    for content in (b'a,"12 pipe\nb,"13 pipe\nc,3\n', b'a,"12 pipe\nb,2\nc,9" d\n', b'a,"1\nb,2\n"c",d"\n'):
        records, _ = read(content, 1000, ",")
        assert [one.line for one in records] == [1, 2, 3] and records[0].problem == NEVER_CLOSED
        assert records[2].problem is None
