"""What files hold: columns with their types, and the statement that makes a file's rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from oppulence.metering.exports.models import Format

CONTENT_TYPES = {Format.CSV: "text/csv", Format.PARQUET: "application/vnd.apache.parquet"}
FORMS = {Format.CSV: "CSVWithNames", Format.PARQUET: "Parquet"}
MAX_STATEMENT = 64 * 1024 * 1024
"""Bytes; rows that were put together here travel within theirs."""

SETTINGS: dict[Format, dict[str, Any]] = {
    Format.CSV: {"max_query_size": MAX_STATEMENT, "format_csv_null_representation": ""},
    Format.PARQUET: {
        "max_query_size": MAX_STATEMENT, "output_format_parquet_compression_method": "zstd",
        "output_format_parquet_parallel_encoding": 0,  # so the same rows make the same file
    },
}  # fmt: skip
NOTES = {
    Format.CSV: "RFC 4180, UTF-8. No value is an empty field without quotes. Decimals are exact. A text that begins with one of"
    " = + - @, a tab or a carriage return has an apostrophe before it, so that no program takes it for a formula: a program that"
    " must have the text to the letter reads Parquet.",
    Format.PARQUET: "Compressed with Zstandard. Decimals are exact, as text. Timestamps are UTC.",
}
_FORMULA = r"^[=+\\-@\\t\\r]"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `source` is its expression in SQL: a name of ours, never a caller's text."""

    name: str
    type: Literal["text", "integer", "timestamp", "decimal"]
    description: str
    source: str
    places: int = 0
    """Digits of a timestamp's fraction: 0, 3 or 6."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file to be: its rows, where the next one begins (null: nowhere) and what is done then, and the statement."""

    rows: int
    after: dict[str, Any]
    statement: str
    values: dict[str, Any]


def as_text(columns: Sequence[Column], form: Format) -> str:
    """The columns of a SELECT.

    Decimals are text in both formats: few readers of Parquet know decimals of more than 38 digits, and some make floats of them.
    In CSV instants are ISO 8601, and a text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    return ", ".join(f"{_expression(one, form)} AS `{one.name}`" for one in columns)


def instant(at: datetime) -> str:
    """An instant as ClickHouse reads it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _expression(column: Column, form: Format) -> str:
    if form is Format.PARQUET:
        return column.source
    match column.type:
        case "timestamp":
            return f"formatDateTime({column.source}, '%Y-%m-%dT%H:%i:%S{'.%f' if column.places == 6 else ''}Z', 'UTC')"  # noqa: PLR2004
        case "text":
            return f"if(match({column.source}, '{_FORMULA}'), concat('\\'', {column.source}), {column.source})"
    return column.source
