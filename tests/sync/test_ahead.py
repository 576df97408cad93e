"""Reading ahead in a thread."""

import threading
from collections.abc import Iterator

import pytest

from oppulence.sync.backfill.ahead import Ahead


def test_items_come_in_order_and_in_batches_of_what_is_there() -> None:
    with Ahead(iter(range(100)), 10) as ahead:
        batches = list(ahead.batches(7))
    assert [one for batch in batches for one in batch] == [*range(100)] and max(map(len, batches)) <= 7


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("third")

    seen: list[int] = []
    with pytest.raises(LookupError, match="third"), Ahead(failing(), 5) as ahead:
        for batch in ahead.batches(1):
            seen += batch
    assert seen == [1, 2]


def test_leaving_early_leaves_no_thread_behind() -> None:
    read: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            read.append(1)
            yield 1

    with pytest.raises(KeyError), Ahead(endless(), 3) as ahead:
        for _ in ahead.batches(2):
            raise KeyError
    assert not [one for one in threading.enumerate() if one.name == "ahead"]
    assert len(read) <= 2 + 3 + 3
