"""Worker processes: each is a warm function that takes one batch after the other, as the queue's poller gives them."""

import multiprocessing
import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from functions.sync.consumers import on_object_in_doubt, on_webhook_received
from oppulence.connections import stripe_signature
from oppulence.kernel import crypto
from oppulence.kernel.events import Envelope
from oppulence.sync.events import ObjectInDoubt
from tests.bench import instant
from tests.bench.figures import Seconds
from tests.bench.sync import batches
from tests.bench.sync.batches import SECRET, Batch, Batches
from tests.support import entries

TIMEOUT_S = 600


@dataclass(frozen=True)
class Done:
    """What one worker did: when it was through, how long each of its batches took, processor time and peak memory.

    `fetched` are the objects in doubt that it asked Stripe for after its batches; they are in the time, not in the latencies.
    """

    finished: Seconds
    latencies: list[Seconds]
    fetched: int
    computed: Seconds
    peak_mb: float


@dataclass(frozen=True)
class Delivered:
    """What all workers did together."""

    events: int
    passed: Seconds
    workers: list[Done]

    @property
    def latencies(self) -> list[Seconds]:
        """Of each batch."""
        return [one for worker in self.workers for one in worker.latencies]


class Fleet:
    """Processes that wait; they find the platform in the environment of the moment the first one is made."""

    def __init__(self, most: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._next = context.Value("l", 0)
        self._pipes: list[Connection] = []
        for _ in range(most):
            ours, theirs = context.Pipe()
            context.Process(target=_work, args=(theirs, self._next), daemon=True).start()
            self._pipes.append(ours)

    def deliver(self, workspace_id: str, given: Batches, in_flight: int) -> Delivered:
        """Have workers take the batches, so many in flight at any time; the clock runs from the moment when all are ready."""
        chosen = self._pipes[:in_flight]
        self._next.value = 0
        for n, pipe in enumerate(chosen):
            held = in_flight // len(chosen) + (n < in_flight % len(chosen))
            pipe.send((workspace_id, given, held))
        _answers(chosen)
        started = time.perf_counter()
        for pipe in chosen:
            pipe.send("go")
        done = _answers(chosen)
        return Delivered(given.events, max(one.finished for one in done) - started, done)

    def stop(self) -> None:
        """End all of them."""
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send(None)


def _answers(pipes: Sequence[Connection]) -> list[Any]:
    found = []
    for pipe in pipes:
        if not pipe.poll(TIMEOUT_S):
            raise TimeoutError(f"a worker did not answer within {TIMEOUT_S} s")
        answer = pipe.recv()
        if isinstance(answer, str) and answer != "ready":
            raise RuntimeError(f"a worker failed: {answer}")
        found.append(answer)
    return found


def _work(pipe: Connection, following: "Synchronized[int]") -> None:
    """A worker's life."""
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for as long as the process lives
    instant.answer_at_once("kms", "events")
    instant.watched[ObjectInDoubt.type] = []
    while (job := pipe.recv()) is not None:
        try:
            pipe.send(_take(pipe, following, *job))
        except Exception as error:  # noqa: BLE001 - the parent raises it
            pipe.send(f"{type(error).__name__}: {error}")


def _take(pipe: Connection, following: "Synchronized[int]", workspace_id: str, given: Batches, held: int) -> Done:
    """Take batches until none is left; `held` are in flight here, the first of them at work. A latency includes the wait."""
    crypto.warm("sync", workspace_id)
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    with given.file.open("rb") as file:
        pipe.send("ready")
        pipe.recv()
        computed = time.process_time()
        latencies = []
        flying: deque[tuple[Seconds, bytes]] = deque()
        while _fill(flying, held, lambda: _next(file.fileno(), following, given)):
            started, data = flying.popleft()
            _deliver(batches.batch(data), given.signed_at)
            latencies.append(time.perf_counter() - started)
        fetched = _settle_doubts()
        return Done(time.perf_counter(), latencies, fetched, time.process_time() - computed, _peak_mb())


def _fill(flying: deque[tuple[Seconds, bytes]], held: int, following: Callable[[], bytes | None]) -> bool:
    """Have so many batches in flight, if there are; whether there is one."""
    while len(flying) < held and (data := following()) is not None:
        flying.append((time.perf_counter(), data))
    return bool(flying)


def _next(file: int, following: "Synchronized[int]", given: Batches) -> bytes | None:
    with following.get_lock():
        number = following.value
        following.value += 1
    if number >= len(given.places):
        return None
    start, size = given.places[number]
    return os.pread(file, size, start)


def _deliver(one: Batch, now: int) -> None:
    """The door's verification of each body, then the consumer on the batch."""
    for header, body in one.posted:
        signature = stripe_signature.parse(header)
        assert signature and signature.is_fresh(now) and signature.matches(body, (SECRET,)), header
    result = on_webhook_received.handler(one.invocation, None)
    assert result == {"batchItemFailures": []}, result


def _settle_doubts() -> int:
    """What the bus would hand to the consumer of objects in doubt; returns how many."""
    doubts = instant.watched[ObjectInDoubt.type]
    for detail in doubts:
        result = on_object_in_doubt.handler(entries.queue_batch(Envelope.model_validate_json(detail)), None)
        assert result == {"batchItemFailures": []}, result
    fetched = len(doubts)
    doubts.clear()
    return fetched


def _peak_mb() -> float:
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak
    return int(peak[1]) / 1024
