"""The sync consumer on batches of webhooks, against a bare batched upsert of the same rows; and what it takes of memory."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.local.paths import DOMAIN, REPO
from oppulence.kernel import db
from oppulence.kernel.declarations import Entry
from oppulence.sync.stripe_events import read
from tests.bench import bare_upsert
from tests.bench.figures import Seconds, interleaved, milliseconds, quietest, report
from tests.bench.place import world
from tests.support import entries, stripe
from tests.support.world import World

CONSUMER = "sync.consumers.on_webhook_received"
SIZES = {10: None, 100: 2.5}
REPETITIONS = {10: 150, 100: 40}
ROUNDS = 4
MEMORY_BATCHES = 40
MEMORY_MB = 200
TRANSPORT = "PutEvents, KMS and S3 over a transport that answers at once"
Batch = dict[str, Any]


def run() -> None:
    """Time batches of 10 and of 100, each in fresh workspaces; then look at a process that does only batches of 100."""
    with world() as made, open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        for size, at_most in SIZES.items():
            times = _times(made, size)
            ours, bare = map(milliseconds, quietest(times, ROUNDS))
            all_ours, all_bare = map(milliseconds, times)
            report(
                "ingest_batch",
                {
                    "records": size, "p50_ms": ours, "with": TRANSPORT,
                    "against": "a bare batched upsert of the same rows, two statements", "against_ms": bare,
                    "repetitions": f"the quietest of {ROUNDS} rounds of {REPETITIONS[size] // ROUNDS}",
                    "ratio_of_all_rounds": round(all_ours / all_bare, 2),
                },
                ratio=ours / bare, at_most=at_most,
            )  # fmt: skip
        peak = _peak_memory(made)
        report(
            "ingest_batch",
            {
                "records": 100,
                "batches": MEMORY_BATCHES,
                "peak_memory_mb": peak,
                "at_most_mb": MEMORY_MB,
                "fits": peak < MEMORY_MB,
            },
        )


def _times(made: World, size: int) -> list[list[Seconds]]:
    handler = entries.entry(CONSUMER)
    conn = bare_upsert.connect()
    ours: list[Seconds] = []
    bare: list[Seconds] = []
    slices = _slices(size)
    for number in range(REPETITIONS[size] + 2):
        bodies = next(slices)
        batch, other, events = _batch(made.workspace(), bodies), made.workspace(), [read(body) for body in bodies]
        spent = interleaved(1, partial(_take_in, handler, batch), partial(bare_upsert.run, conn, other, bodies, events))
        if number >= 2:  # the first ones open connections and load what is loaded on first use
            ours += spent[0]
            bare += spent[1]
    conn.close()
    return [ours, bare]


def _slices(size: int) -> Iterator[list[bytes]]:
    """Batches of the corpus in its order, from its beginning again when it is over."""
    bodies = stripe.corpus()
    while True:
        for start in range(0, len(bodies) - size, size):
            yield list(bodies[start : start + size])


def _batch(workspace_id: str, bodies: list[bytes]) -> Batch:
    """What the queue hands to the consumer."""
    return entries.queue_batch(*(entries.envelope(workspace_id, stripe.webhook(workspace_id, body)) for body in bodies))


def _take_in(handler: Entry, batch: Batch) -> None:
    result = handler(batch, None)
    assert result == {"batchItemFailures": []}, result


def _peak_memory(made: World) -> float:
    """Megabytes at most of a process that takes batches of 100 from a file, one after the other."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "batches.jsonl"
        with file.open("w") as out:
            for bodies in islice(_slices(100), MEMORY_BATCHES):
                out.write(json.dumps(_batch(made.workspace_id, bodies)) + "\n")
        db.close_all()
        environment = os.environ | {"PYTHONPATH": f"{REPO}:{DOMAIN}"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.only_ingest", str(file)], env=environment, capture_output=True, text=True,
            timeout=120, check=True,
        )  # fmt: skip
    return float(done.stderr.splitlines()[-1])
