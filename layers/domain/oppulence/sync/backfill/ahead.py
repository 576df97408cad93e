"""Fetching ahead: a thread reads what comes next while the caller writes what came before."""

import threading
from collections.abc import Iterator
from queue import Empty, Queue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """An iterator that is read by a thread of its own, at most `depth` items ahead. Use it in a `with` statement.

    An exception of the iterator is raised after the items before it.
    """

    def __init__(self, source: Iterator[T], depth: int) -> None:
        self._source = source
        self._queue: Queue[T | BaseException | None] = Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop reading and wait until the thread is through: a frozen process must have none under way."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except Empty:
                continue

    def batches(self, most: int) -> Iterator[list[T]]:
        """What is there, up to `most` at a time; waits for the first."""
        while True:
            batch, end = self._batch(most)
            if batch:
                yield batch
            if isinstance(end, BaseException):
                raise end
            if end is _END:
                return

    def _batch(self, most: int) -> tuple[list[T], object]:
        batch: list[T] = []
        item = self._queue.get()
        while item is not None and not isinstance(item, BaseException):
            batch.append(item)
            if len(batch) == most:
                return batch, None
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, None
        return batch, _END if item is None else item

    def _read(self) -> None:
        try:
            for item in self._source:
                self._queue.put(item)
                if self._stopped.is_set():
                    return
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - raised by `batches`, in the caller's thread
            self._queue.put(error)


_END = object()
