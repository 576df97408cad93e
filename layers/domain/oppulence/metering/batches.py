"""Batches of accepted events as text: what the queue carries, what the archive keeps, what everything can be rebuilt from.

`{"id", "workspace_id", "stored_at", "first", "events": [[source, id, type, subject, time, data], ...]}`. All events of a batch
were stored at one instant; the first has the sequence `first`, and the others follow without gaps. Data are the JSON text that
was sent, as a text, so no reader can touch a number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from oppulence.metering.usage_event import SentEvent, UsageEvent

MAX_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one workspace that were accepted together, at least one."""

    id: str
    workspace_id: str
    events: tuple[UsageEvent, ...]


class Written(msgspec.Struct):
    """A batch as it is written; the nth event has the sequence `first` + n."""

    id: str
    workspace_id: str
    stored_at: datetime
    first: int
    events: Sequence[SentEvent]


_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Written)


def message(batch: Batch) -> str:
    """The batch as text; the same batch gives the same text.

    Raises:
        ValueError: its events have no common instant, or gaps in their sequence.
    """
    stored_at, first = batch.events[0].stored_at, batch.events[0].sequence
    if any((event.stored_at, event.sequence) != (stored_at, first + n) for n, event in enumerate(batch.events)):
        raise ValueError(f"the events of batch {batch.id} do not follow each other")
    return written(batch.id, batch.workspace_id, stored_at, [_sent(event) for event in batch.events], first)


def written(id_: str, workspace_id: str, stored_at: datetime, events: Sequence[SentEvent], first: int = 0) -> str:
    """The text of a batch of these events."""
    return _encoder.encode(Written(id_, workspace_id, stored_at, first, events)).decode()


def parse(text: str | bytes) -> Written:
    """A batch of its text as it stands there: several times as fast as `read`.

    Raises:
        ValueError: it is none.
    """
    return _decoder.decode(text)


def read(text: str | bytes) -> Batch:
    """A batch of its text.

    Raises:
        ValueError: it is none.
    """
    found = parse(text)
    return Batch(found.id, found.workspace_id, tuple(_placed(found)))


def _placed(text: Written) -> Iterator[UsageEvent]:
    for sequence, event in enumerate(text.events, text.first):
        yield UsageEvent(*event, stored_at=text.stored_at, sequence=sequence)


def _sent(event: UsageEvent) -> SentEvent:
    return SentEvent(event.source, event.id, event.type, event.subject, event.time, event.data)
