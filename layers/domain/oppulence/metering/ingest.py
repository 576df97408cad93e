"""Accepting usage events: they get their place, once, and go to the queue. Nothing else is written, so nothing else can fail."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from oppulence.kernel import clock, queues
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope
from oppulence.metering import batch_gateway, batches
from oppulence.metering.batches import Batch
from oppulence.metering.events import UsageAccepted
from oppulence.metering.usage_event import SentEvent

QUEUE = "metering/on_usage_accepted"
ARCHIVE = "usage/"
"""Prefix of the archive in the bucket. A large batch is put there at once, and the queue carries only its key."""

INLINE_BYTES = 200_000


def accept(scope: Scope, events: Sequence[SentEvent]) -> list[str]:
    """Take events in; returns the ids of their batches. A repeat makes other batches of the same events, which count once.

    Raises:
        Unavailable: the queue did not take all of them. The caller sends them again, with the same ids.
    """
    workspace_id, now = scope.workspace_id or "", clock.now()
    texts = [(id_, len(part), batches.written(id_, workspace_id, now, part, first)) for id_, first, part in _parts(events)]
    _send(workspace_id, now, texts)
    return [id_ for id_, _, _ in texts]


def send(workspace_id: str, placed: Sequence[Batch]) -> None:
    """Send batches whose events have their place already.

    Raises:
        Unavailable: the queue did not take all of them.
    """
    _send(workspace_id, clock.now(), [(batch.id, len(batch.events), batches.message(batch)) for batch in placed])


def batch_of(event: UsageAccepted) -> Batch:
    """The batch that was announced, wherever it is.

    Raises:
        ValueError: it cannot be read.
    """
    if event.batch is not None:
        return batches.read(event.batch)
    return batches.read(batch_gateway.get(event.object_key or ""))


def _parts(events: Sequence[SentEvent]) -> Iterator[tuple[str, int, Sequence[SentEvent]]]:
    for first in range(0, len(events), batches.MAX_EVENTS):
        yield new_id("bat"), first, events[first : first + batches.MAX_EVENTS]


def _send(workspace_id: str, now: datetime, texts: Sequence[tuple[str, int, str]]) -> None:
    facts = [_fact(workspace_id, now, *text) for text in texts]
    missing = queues.send(QUEUE, [queues.message(fact, workspace_id, now) for fact in facts], workspace_id)
    if missing:
        raise Unavailable("Not all events could be accepted. Send them again, with the same ids.")


def _fact(workspace_id: str, now: datetime, batch_id: str, events: int, text: str) -> UsageAccepted:
    """The announcement of a batch. A large one is put into the archive first."""
    if (
        queues.size(text) + text.count('"') + text.count("\\") <= INLINE_BYTES
    ):  # as text within text each of these needs a backslash
        return UsageAccepted(batch_id=batch_id, events=events, batch=text)
    key = f"{ARCHIVE}{workspace_id}/{now:%Y-%m-%d}/{batch_id}.ndjson.gz"
    batch_gateway.put(key, text.encode())
    return UsageAccepted(batch_id=batch_id, events=events, object_key=key)
