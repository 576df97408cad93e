"""Accepting usage events: they get their place, once, and go to the queue. Nothing else that is written can keep them out."""

from collections.abc import Sequence
from datetime import datetime

from oppulence.kernel import clock, queues
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.ids import new_id
from oppulence.kernel.uow import Scope
from oppulence.metering import archive_gateway, batches, sent_gateway
from oppulence.metering.batches import Written
from oppulence.metering.events import UsageAccepted
from oppulence.metering.usage_event import SentEvent

QUEUE = "metering/on_usage_accepted"
INLINE_BYTES = 200_000
"""A larger batch is put into the archive at once, and the queue carries only its key."""


def accept(scope: Scope, events: Sequence[SentEvent]) -> list[str]:
    """Take events in; returns the ids of their batches. A repeat makes other batches of the same events, which count once.

    Raises:
        Unavailable: the queue did not take all of them. The caller sends them again, with the same ids.
    """
    workspace_id, now = scope.workspace_id or "", clock.now()
    starts = range(0, len(events), batches.MAX_EVENTS)
    placed = [Written(new_id("bat"), workspace_id, now, first, events[first : first + batches.MAX_EVENTS]) for first in starts]
    send(workspace_id, placed)
    return [batch.id for batch in placed]


def send(workspace_id: str, placed: Sequence[Written]) -> None:
    """Send batches whose events have their place already.

    Raises:
        Unavailable: the queue did not take all of them.
    """
    now = clock.now()
    facts = [_fact(now, batch) for batch in placed]
    missing = queues.send(QUEUE, [queues.message(fact, workspace_id, now) for fact in facts], workspace_id)
    if missing:
        raise Unavailable("Not all events could be accepted. Send them again, with the same ids.")
    sent_gateway.note(workspace_id, [batch.id for batch in placed])


def _fact(now: datetime, batch: Written) -> UsageAccepted:
    """The announcement of a batch."""
    text = batches.text_of(batch)
    escaped = text.count('"') + text.count("\\")  # each needs a backslash where it is text within text
    if queues.size(text) + escaped <= INLINE_BYTES:
        return UsageAccepted(batch_id=batch.id, events=len(batch.events), batch=text)
    key = archive_gateway.put_large(batch.workspace_id, now, batch.id, text.encode())
    return UsageAccepted(batch_id=batch.id, events=len(batch.events), object_key=key)
