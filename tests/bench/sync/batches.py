"""What the queue hands to the consumer, made before the clock runs: batches of records beside the bodies as they were signed."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import entries, stripe

CONNECTION_ID = "conn_00000000000000000000"
SECRET = "whsec_bench"  # noqa: S105 - signs the bench's own bodies


@dataclass(frozen=True)
class Batch:
    """Records of one invocation; `posted` is what came to the door of each: its signature header and the exact bytes."""

    posted: list[tuple[str, bytes]]
    invocation: dict[str, Any]


@dataclass(frozen=True)
class Batches:
    """Batches in a file: workers take the next one, so that none holds them all. `signed_at` is the door's clock."""

    file: Path
    places: list[tuple[int, int]]
    events: int
    signed_at: int


def write(file: Path, workspace_id: str, bodies: Sequence[bytes], size: int, signed_at: int) -> Batches:
    """Cut bodies into batches of at most `size` records."""
    places = []
    with file.open("wb") as out:
        for start in range(0, len(bodies), size):
            cut = bodies[start : start + size]
            sealed = entries.queue_batch(
                *(entries.envelope(workspace_id, stripe.webhook(workspace_id, body, CONNECTION_ID)) for body in cut)
            )
            data = pickle.dumps(Batch([(stripe.signature(body, SECRET, signed_at), body) for body in cut], sealed))
            places.append((out.tell(), len(data)))
            out.write(data)
    return Batches(file, places, len(bodies), signed_at)


def batch(data: bytes) -> Batch:
    """One batch of the file."""
    found: Batch = pickle.loads(data)  # noqa: S301 - written by `write` of the same run
    return found
