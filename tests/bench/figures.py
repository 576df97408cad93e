"""How a bench reports: one JSON line a figure, beside what it is compared with in the same run."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence

Seconds = float


def report(bench: str, figure: dict[str, object], *, ratio: float | None = None, at_most: float | None = None) -> None:
    """Print one line. `ratio` is the figure's against its comparison; `at_most` is the target, where there is one.

    It goes to the process's own output: a bench sends what functions log elsewhere.
    """
    line: dict[str, object] = {"bench": bench} | figure
    if ratio is not None:
        line["ratio"] = round(ratio, 2)
    if ratio is not None and at_most is not None:
        line |= {"at_most": at_most, "within": ratio <= at_most}
    print(json.dumps(line | {"load": round(os.getloadavg()[0], 1)}), file=sys.__stdout__, flush=True)


def milliseconds(seconds: Sequence[Seconds]) -> float:
    """The median in milliseconds."""
    return round(statistics.median(seconds) * 1000, 3)


def quietest(times: list[list[Seconds]], rounds: int) -> list[list[Seconds]]:
    """Of interleaved times, cut into rounds, those of the round in which all the work together took least.

    A core that others use too doubles what waits for another process, and so makes a ratio that nobody else will see.
    """
    length = len(times[0]) // rounds
    cut = [[found[n * length : (n + 1) * length] for found in times] for n in range(rounds)]
    return min(cut, key=lambda one: sum(map(statistics.median, one)))


def interleaved(repetitions: int, *works: Callable[[], object]) -> list[list[Seconds]]:
    """Time each piece of work in turn, so that what else the machine does falls on all of them alike."""
    times: list[list[Seconds]] = [[] for _ in works]
    for _ in range(repetitions):
        for work, found in zip(works, times, strict=True):
            started = time.perf_counter()
            work()
            found.append(time.perf_counter() - started)
    return times
