"""What verifying a signature and reading an event takes, without anything else."""

import statistics
import time
from collections.abc import Sequence

from oppulence.connections import stripe_signature
from oppulence.sync.stripe_events import read
from tests.bench.figures import Seconds, report
from tests.bench.sync.batches import SECRET
from tests.bench.sync.directory import Directory
from tests.support import stripe

AT_MOST_US = 40
ROUNDS = 7
MOST_EVENTS = 5_000


def run(given: Directory) -> None:
    """Median of rounds over the directory's first events."""
    now = int(time.time())
    signed = [(stripe.signature(body, SECRET, now), body) for body in given.bodies[:MOST_EVENTS]]
    rounds = [_round(signed, now) / len(signed) * 1e6 for _ in range(ROUNDS)]
    spent = round(statistics.median(rounds), 1)
    report(
        "sync",
        {
            "of": "signature and parse", "us_an_event": spent, "fastest_us": round(min(rounds), 1), "events": len(signed),
            "at_most_us": AT_MOST_US, "within": spent <= AT_MOST_US,
        },
    )  # fmt: skip


def _round(signed: Sequence[tuple[str, bytes]], now: int) -> Seconds:
    started = time.perf_counter()
    for header, body in signed:
        signature = stripe_signature.parse(header)
        assert signature and signature.is_fresh(now) and signature.matches(body, (SECRET,))
        read(body)
    return time.perf_counter() - started
