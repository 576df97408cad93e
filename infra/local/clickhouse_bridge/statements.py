"""As much of ClickHouse's grammar as the HTTP interface needs: the first word, the FORMAT clause, where data begin."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    rb"""
      (?P<space> \s+ | --[^\n]* | \#\![^\n]* | /\*.*?\*/ )
    | (?P<quoted> '(?:[^'\\]|\\.|'')*' | `(?:[^`\\]|\\.)*` | "(?:[^"\\]|\\.)*" )
    | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<other> . )
    """,
    re.DOTALL | re.VERBOSE,
)
DATA_FOLLOW = re.compile(rb"[ \t\r]*(?:\n|(?=[^ \t\r\n]))")

# Rows of these can be sent piece by piece: no header or footer, or (Native) blocks that stand alone.
STREAMABLE = {"NATIVE", "TABSEPARATED", "TSV", "CSV", "ROWBINARY", "JSONEACHROW", "JSONLINES", "NDJSON"}
READS = {"SELECT", "WITH", "FROM"}


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow it: the statement without its FORMAT clause, the format, where the rows begin."""

    statement: str
    format: str
    data_at: int


def words(text: bytes) -> Iterator[tuple[int, int, str]]:
    """Start, end and upper-case text of each token outside parentheses; quoted ones and signs as they are."""
    depth = 0
    for token in TOKEN.finditer(text):
        if token["space"]:
            continue
        part = token[0]
        depth += (part == b"(") - (part == b")")
        if depth == 0:
            yield token.start(), token.end(), part.decode(errors="replace").upper() if token["word"] else part.decode()


def first_word(text: bytes) -> str:
    """The statement's first keyword in upper case, past comments and opening parentheses; empty if there is none."""
    for token in TOKEN.finditer(text):
        if token["word"]:
            return token[0].decode().upper()
        if token["quoted"] or (token["other"] and token[0] != b"("):
            break
    return ""


class Incomplete(Exception):
    """The bytes at hand end before the rows of an INSERT begin."""


def insert_with_data(text: bytes, complete: bool) -> Insert | None:
    """The INSERT ... FORMAT at the beginning of `text`; None when its rows do not follow it (SELECT, VALUES).

    Raises:
        Incomplete: more bytes are needed to tell; never if `complete`.
    """
    previous, previous_at = "", 0
    for start, end, word in words(text):
        if word in {"SELECT", "WITH", "VALUES"}:
            return None
        if previous == "FORMAT" and word.isidentifier():
            data = DATA_FOLLOW.match(text, end)
            if data is None and not complete:
                break
            data_at = data.end() if data else len(text)
            return Insert(text[:previous_at].decode(), text[start:end].decode(), data_at)
        previous, previous_at = word, start
    if not complete:
        raise Incomplete
    return None


def output_format(text: bytes) -> str | None:
    """The format that the statement itself names, in its last clause."""
    parts = [(text[start:end].decode(errors="replace"), word) for start, end, word in words(text)]
    for index in range(len(parts) - 2, -1, -1):
        after = parts[index + 2 : index + 3]
        if parts[index][1] == "FORMAT" and (not after or after[0][1] in {"SETTINGS", ";"}):
            return parts[index + 1][0]
    return None
