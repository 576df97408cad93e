"""Batches as binary arrays: what goes in comes out."""

from datetime import UTC, datetime

import pytest

from oppulence.kernel import arrays, db
from oppulence.kernel.arrays import Array
from tests.support.world import World

LONG_AGO, SOON = datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC), datetime(2031, 5, 6, 7, 8, 9, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "values", "array"),
    [
        ("text", ["", "a", 'ü "{}, \\ NULL', None, "😀"], arrays.texts),
        ("bytea", [b"", b"\x00\xff", None], arrays.blobs),
        ("timestamptz", [LONG_AGO, SOON, None], arrays.times),
        ("bigint", [0, -1, 2**63 - 1, None], arrays.bigints),
        ("boolean", [True, False, None], arrays.booleans),
        ("text", [], arrays.texts),
        ("bytea", [b"alone"], arrays.blobs),
        ("text", ["same", "same", "same"], arrays.texts),
        ("timestamptz", [None, None], arrays.times),
        ("bigint", [1, 2], arrays.bigints),
    ],
)
def test_an_array_is_read_as_it_was_given(world: World, kind: str, values: list[object], array: object) -> None:
    given = array(values)  # type: ignore[operator]
    assert isinstance(given, Array)
    row = db.connection("sync").execute(f"SELECT %b::{kind}[]".encode(), (given,)).fetchone()
    assert row == (values,)


def test_columns_are_unnested_side_by_side(world: World) -> None:
    columns = arrays.texts(["a", "b"]), arrays.bigints([1, None])
    rows = db.connection("sync").execute("SELECT * FROM unnest(%b::text[], %b::bigint[])", columns).fetchall()
    assert rows == [("a", 1), ("b", None)]
