"""Events a second through the sync engine, by turns with its rival: `python -m tests.bench.sync [--events DIR] [--peer DIR]`."""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import milliseconds, report
from tests.bench.place import world
from tests.bench.sync import batches, directory, outcome, parsing, peer, stand_in
from tests.bench.sync.batches import Batches
from tests.bench.sync.directory import Directory
from tests.bench.sync.fleet import Delivered, Fleet
from tests.bench.sync.peer import Peer
from tests.support import stripe
from tests.support.world import World
from tests.sync.support import connect

CONCURRENCIES = (1, 8, 32)
RECORDS = 10
TURNS = 3
WORKERS = 4
"""Processes at most: more than the cores only cost each other's caches. The figures say how many there were."""

LARGE = 20_000
"""A directory with more events than this is delivered whole, and one by one, once only."""

AT_LEAST = 1.5
_TABLES = "sync.raw_events, sync.objects, sync.outbox, sync.inbox"


@dataclass(frozen=True)
class Bench:
    """The world, the directory, the workers and the rival, if there is one."""

    world: World
    given: Directory
    fleet: Fleet
    peer: Peer | None
    folder: Path

    def batches(self, name: str, bodies: Sequence[bytes], size: int) -> Batches:
        """Bodies as batches in a file."""
        return batches.write(self.folder / name, self.world.workspace_id, bodies, size, int(time.time()))

    def run(self, made: Batches, in_flight: int) -> Delivered:
        """One run on empty tables."""
        self.world.admin.execute(f"TRUNCATE {_TABLES}".encode())
        self.world.admin.execute("CHECKPOINT")
        return self.fleet.deliver(self.world.workspace_id, made, in_flight)


@dataclass(frozen=True)
class Turn:
    """One run of each, one after the other."""

    ours: Delivered
    wrong: int
    theirs: dict[str, Any] | None


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(prog="tests.bench.sync", description=__doc__)
    parser.add_argument("--events", type=Path, default=stripe.CORPUS, help="directory of events; the bundled corpus by default")
    parser.add_argument("--peer", type=Path, help="directory of the rival's run.sh; without it nothing is compared")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--turns", type=int, default=TURNS)
    chosen = parser.parse_args()
    given = directory.load(chosen.events)
    with ExitStack() as stack:
        api = stack.enter_context(stand_in.running(given.final))
        made = stack.enter_context(world(durable=True))
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oppulence-bench-")))
        stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        os.environ["STRIPE_API_BASE"] = api
        connect(made, batches.CONNECTION_ID, stand_in.KEY)
        rival = peer.prepared(made, chosen.peer.resolve(), given, place / "peer") if chosen.peer else None
        fleet = Fleet(chosen.workers)
        try:
            bench = Bench(made, given, fleet, rival, place)
            parsing.run(given)
            _rated(bench, chosen.turns)
            _beside(bench, "all types", given.bodies, RECORDS)
            _beside(bench, "one record a batch", given.rated, 1)
        finally:
            fleet.stop()


def _rated(bench: Bench, turns: int) -> None:
    made = bench.batches("rated", bench.given.rated, RECORDS)
    bench.run(made, max(CONCURRENCIES))  # opens connections, and loads what is loaded on first use
    for in_flight in CONCURRENCIES:
        _report_rated(bench, in_flight, [_turn(bench, made, in_flight) for _ in range(turns)])


def _turn(bench: Bench, made: Batches, in_flight: int) -> Turn:
    ours = bench.run(made, in_flight)
    wrong = len(outcome.wrong(bench.world, bench.given, bench.given.rated))
    bench.world.admin.execute("CHECKPOINT")
    return Turn(ours, wrong, bench.peer.run(in_flight) if bench.peer else None)


def _report_rated(bench: Bench, in_flight: int, turns: list[Turn]) -> None:
    ours = statistics.median(_rate(one.ours) for one in turns)
    figure = _figure(in_flight, [one.ours for one in turns]) | {
        "objects_wrong": max(one.wrong for one in turns), "objects_left_out": outcome.excluded(bench.given),
        "rated_over": "event types that the peer handles", "records_a_batch": RECORDS, "turns": len(turns),
        "with": "the door's signature check, raw bytes, mirror, canonical events in the outbox; one transaction a batch; "
        "PostgreSQL as it comes, synchronous_commit on; PutEvents over a transport that answers at once; objects in doubt "
        "fetched at the end, within the time, from a stand-in that knows the directory's objects",
    }  # fmt: skip
    theirs = [one.theirs for one in turns if one.theirs]
    if not theirs:
        report("sync", figure | {"peer": "not compared: no PEER was given"})
        return
    rate = statistics.median(one["handled_per_s"] for one in theirs)
    figure["peer"] = {
        "events_per_s": round(rate), "p50_ms": statistics.median(one["p50_ms"] for one in theirs),
        "p99_ms": statistics.median(one["p99_ms"] for one in theirs), "rss_peak_mb": max(one["rss_peak_mb"] for one in theirs),
        "objects_wrong": max(peer.objects_wrong(one) for one in theirs), "failed": max(one["failed"] for one in theirs),
        "events_per_s_of_turns": [round(one["handled_per_s"]) for one in theirs],
    }  # fmt: skip
    report("sync", figure | {"ratio": round(ours / rate, 2), "at_least": AT_LEAST, "reached": ours / rate >= AT_LEAST})


def _beside(bench: Bench, what: str, bodies: Sequence[bytes], size: int) -> None:
    """Figures without a comparison."""
    made = bench.batches(what, bodies, size)
    turns = 1 if len(bodies) > LARGE else TURNS
    for in_flight in CONCURRENCIES:
        runs = []
        wrong = 0
        for _ in range(turns):
            runs.append(bench.run(made, in_flight))
            wrong = max(wrong, len(outcome.wrong(bench.world, bench.given, bodies)))
        report("sync", _figure(in_flight, runs) | {"objects_wrong": wrong, "of": what, "records_a_batch": size, "turns": turns})


def _figure(in_flight: int, runs: list[Delivered]) -> dict[str, object]:
    """Medians over runs; latencies are a batch's, memory is a worker's."""
    return {
        "concurrency": in_flight, "processes": len(runs[0].workers), "events": runs[0].events,
        "events_per_s": round(statistics.median(map(_rate, runs))),
        "p50_ms": statistics.median(milliseconds(one.latencies) for one in runs),
        "p99_ms": statistics.median(_p99_ms(one.latencies) for one in runs),
        "rss_peak_mb": round(max(worker.peak_mb for one in runs for worker in one.workers), 1),
        "fetched": max(sum(worker.fetched for worker in one.workers) for one in runs),
        "cpu_us_an_event": round(statistics.median(sum(w.computed for w in one.workers) / one.events for one in runs) * 1e6),
        "events_per_s_of_turns": [round(_rate(one)) for one in runs],
    }  # fmt: skip


def _rate(one: Delivered) -> float:
    return one.events / one.passed


def _p99_ms(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return round(ordered[int(len(ordered) * 0.99)] * 1000, 3)


if __name__ == "__main__":
    main()
