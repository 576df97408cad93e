"""Columns of a batch as PostgreSQL's binary arrays, for statements that `unnest` them.

psycopg looks at every element twice and asks an adapter for each: for ten rows of twelve columns that took longer than
writing the rows. Pass them as `%b::text[]` and so on: the cast says the type.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack
from typing import TypeVar, cast

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BOOLEAN, _BYTES, _BIGINT, _TEXT, _TIME = 16, 17, 20, 25, 1184
"""Object ids of the element types, the same in every PostgreSQL."""

T = TypeVar("T")
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Array(bytes):
    """An array in binary form."""


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Array:
        return obj


psycopg.adapters.register_dumper(Array, _ArrayDumper)


def texts(values: Sequence[str | None]) -> Array:
    """`text[]`."""
    return _array(_TEXT, values, str.encode)


def blobs(values: Sequence[bytes | None]) -> Array:
    """`bytea[]`."""
    return _array(_BYTES, values, bytes)


def times(values: Sequence[datetime | None]) -> Array:
    """`timestamptz[]`."""
    return _array(_TIME, values, lambda one: pack("!q", (one - _EPOCH) // _MICROSECOND))


def bigints(values: Sequence[int | None]) -> Array:
    """`bigint[]`."""
    return _array(_BIGINT, values, lambda one: pack("!q", one))


def booleans(values: Sequence[bool | None]) -> Array:
    """`boolean[]`."""
    return _array(_BOOLEAN, values, lambda one: pack("?", one))


def _array(element: int, values: Sequence[T | None], write: Callable[[T], bytes]) -> Array:
    """One dimension from 1, or the empty array. Most columns of a batch hold one value in all rows: that is written once."""
    count = len(values)
    if not count:
        return Array(pack("!iii", 0, 0, element))
    first = values[0]
    if values.count(first) == count:
        written = _item(first, write) * count
    elif None in values:
        written = b"".join([_item(one, write) for one in values])
    else:
        written = b"".join([len(one).to_bytes(4, "big") + one for one in map(write, cast("Sequence[T]", values))])
    return Array(pack("!iiiii", 1, None in values, element, count, 1) + written)


def _item(one: T | None, write: Callable[[T], bytes]) -> bytes:
    if one is None:
        return _NULL
    data = write(one)
    return len(data).to_bytes(4, "big") + data
