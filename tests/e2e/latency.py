"""How long an event takes through the deployed template, at a steady pace and with all consumers warm.

    python -m tests.e2e.latency --events 900 --per-second 30

Prints a line of JSON: from sending to the row in PostgreSQL and to the row in ClickHouse. There is no bar: the emulator polls
all queues from one thread, one batch at a time, on the machine that also sends and stores.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.local import cloud
from infra.local.demo import corpus
from infra.local.demo.corpus import Event
from tests.e2e.running import Running, until, up
from tests.e2e.storm import say

SENDERS = 8
WARM = 150
WITHIN_S = 600.0
ON_AWS = (
    "On AWS every queue is polled by five pollers of its own and invokes up to 10 batches at once, so nothing waits for other "
    "consumers. Assumed, not measured: door 20 ms, EventBridge to SQS 0.3 s at p50 and 1 s at p99, long poll at once, a batch of "
    "up to 10 in 30 ms on Aurora: to the row 0.4 s and 1.2 s. Then the domain bus, the same again, and a batching window of at "
    "most 2 s before ClickHouse: 2.5 s and 5 s. At 30 events/s each consumer needs one or two workers at a time; a cold start "
    "adds 1 s to the first batch of a new one."
)


def measure(running: Running, events: Sequence[Event], per_second: float) -> dict[str, Any]:
    """Send events at a pace; quantiles of the seconds until each is where it belongs."""
    running.stripe.play([event.id for event in events])
    running.send_all(events[:WARM])
    until("the first ones are worked off", lambda: running.platform.unfinished() == 0, WITHIN_S)
    measured = events[WARM:]
    began = time.monotonic()

    def send(numbered: tuple[int, Event]) -> tuple[str, float, float]:
        number, event = numbered
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        sent_at = time.time()
        assert running.send(event) == 200
        return event.id, sent_at, time.time() - sent_at

    with ThreadPoolExecutor(SENDERS) as pool:
        sent = list(pool.map(send, enumerate(measured)))
    took_s = time.monotonic() - began
    until("all are rows", lambda: running.stored(measured) == len(measured), WITHIN_S)
    until("all are in ClickHouse", lambda: running.analysed() == running.kept_for_analysis(), WITHIN_S)
    at = {event_id: sent_at for event_id, sent_at, _ in sent}
    query = "SELECT event_id, extract(epoch FROM stored_at)::float8 FROM sync.raw_events WHERE workspace_id = %s"
    rows = running.platform.rows(query, running.platform.workspace_id)
    analysed = running.olap(
        "SELECT event_id, toFloat64(min(processed_at)) FROM events WHERE workspace_id = {ws:String} GROUP BY 1"
    )
    return {
        "events": len(measured), "asked_per_s": per_second, "per_s": round(len(measured) / took_s, 1),
        "answered_s": quantiles([answered for _, _, answered in sent]),
        "row_s": quantiles([stored - at[id] for id, stored in rows if id in at]),
        "clickhouse_s": quantiles([float(stored) - at[id] for id, stored in analysed if id in at]),
        "on_aws": ON_AWS,
    }  # fmt: skip


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in seconds."""
    ordered = sorted(seconds)
    return {name: round(ordered[min(len(ordered) - 1, int(len(ordered) * q))], 3) for name, q in (("p50", 0.5), ("p99", 0.99))}


def main() -> None:
    """A platform of its own, and a line of JSON."""
    parser = argparse.ArgumentParser(prog="tests.e2e.latency", description=__doc__)
    parser.add_argument("--events", type=int, default=900)
    parser.add_argument("--per-second", type=float, default=30.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="oppulence-latency-") as folder:
        root = Path(folder)
        root.chmod(0o711)  # PostgreSQL runs as another user when we are root
        dev = up(root, say)
        try:
            found = measure(Running(root, dev), corpus.bundled().events[: WARM + chosen.events], chosen.per_second)
        finally:
            cloud.down(root)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
