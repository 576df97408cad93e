"""Usage events on their way, as the queue carries them."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from oppulence.kernel import queues
from oppulence.kernel.ids import new_id
from oppulence.metering import batches, landing
from oppulence.metering.batches import Written
from oppulence.metering.events import UsageAccepted
from oppulence.metering.landing import Accepted
from oppulence.metering.usage_event import SentEvent
from tests.bench.usage.filling import DAYS, METERS, SUBJECTS
from tests.bench.usage.place import Usage

STORED_AT = datetime(2026, 4, 3, tzinfo=UTC)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = 500
"""Events of a request."""

REPEATED, LATE = 0.05, 0.02
LARGEST = 0.1
"""The first workspace's share of requests."""

_SECONDS = DAYS * 86_400


def sent(dice: random.Random, number: int, total: int) -> SentEvent:
    """One of `total` events in order of time, some late; about 90 bytes of data."""
    time = BEGIN + timedelta(seconds=number * _SECONDS / total)
    if dice.random() < LATE:
        time -= timedelta(seconds=dice.randrange(3 * 86_400))
    value = f"{dice.randrange(100_000) / 100:.2f}"
    data = (
        f'{{"v":{value},"model":"m{dice.randrange(5)}","region":"eu-west-{dice.randrange(3)}","ok":true,"trace":"{number:032x}"}}'
    )
    kind, subject = dice.randrange(METERS), dice.randrange(SUBJECTS)
    return SentEvent("bench", f"{dice.getrandbits(128):032x}", f"type_{kind}", f"user_{subject}", time, data)


def queued(workspaces: Sequence[str], events: int, rows: int, seed: int = 7) -> Iterator[list[str]]:
    """Bodies of the queue's messages, `rows` events a list, 5 % of them sent once more; the first workspace has a tenth."""
    dice = random.Random(seed)
    waiting: list[str] = []
    size = number = 0
    while number < events:
        workspace_id = workspaces[0] if dice.random() < LARGEST else dice.choice(workspaces[1:])
        made = [sent(dice, number + n, events) for n in range(REQUEST)]
        for _ in range(2 if dice.random() < REPEATED else 1):
            waiting.append(_body(workspace_id, made))
            size += len(made)
        number += len(made)
        if size >= rows:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def land(usage: Usage, events: int) -> None:
    """Have so many events of the workspace land, and not be settled."""
    dice = random.Random(3)
    for first in range(0, events, 1_000):
        made = [sent(dice, first + n, events) for n in range(1_000)]
        text = batches.text_of(Written(new_id("bat"), usage.workspace_id, STORED_AT, first, made))
        landing.land([Accepted(usage.workspace_id, text.encode())])


def _body(workspace_id: str, events: Sequence[SentEvent]) -> str:
    id_ = new_id("bat")
    text = batches.text_of(Written(id_, workspace_id, STORED_AT, 0, events))
    fact = UsageAccepted(batch_id=id_, events=len(events), batch=text)
    return queues.message(fact, workspace_id, STORED_AT)


def batch_of(body: str) -> dict[str, Any]:
    """What a body holds, by `json.loads` alone: its `events` are [source, id, type, subject, time, data]."""
    found: dict[str, Any] = json.loads(json.loads(body)["detail"]["data"]["batch"])
    return found
