"""Columns of a batch as PostgreSQL's binary arrays, for statements that `unnest` them.

psycopg looks at every element twice and asks an adapter for each: for ten rows of twelve columns that took longer than
writing the rows. Pass them as `%b::text[]` and so on: the cast says the type.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import pack

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BOOLEAN, _BYTES, _BIGINT, _TEXT, _TIME = 16, 17, 20, 25, 1184
"""Object ids of the element types, the same in every PostgreSQL."""

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


def texts(values: Iterable[str | None]) -> Array:
    """`text[]`."""
    return _array(_TEXT, [None if one is None else one.encode() for one in values])


def blobs(values: Iterable[bytes | None]) -> Array:
    """`bytea[]`."""
    return _array(_BYTES, list(values))


def times(values: Iterable[datetime | None]) -> Array:
    """`timestamptz[]`."""
    return _array(_TIME, [None if one is None else pack("!q", (one - _EPOCH) // _MICROSECOND) for one in values])


def bigints(values: Iterable[int | None]) -> Array:
    """`bigint[]`."""
    return _array(_BIGINT, [None if one is None else pack("!q", one) for one in values])


def booleans(values: Iterable[bool | None]) -> Array:
    """`boolean[]`."""
    return _array(_BOOLEAN, [None if one is None else pack("?", one) for one in values])


def _array(element: int, values: Sequence[bytes | None]) -> Array:
    """One dimension from 1, or the empty array."""
    if not values:
        return Array(pack("!iii", 0, 0, element))
    has_null = None in values
    written = [_NULL if one is None else len(one).to_bytes(4, "big") + one for one in values]
    return Array(pack("!iiiii", 1, has_null, element, len(values), 1) + b"".join(written))
