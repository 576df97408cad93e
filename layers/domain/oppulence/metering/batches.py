"""Batches of accepted events as text: what the queue carries, what the archive keeps, what everything can be rebuilt from.

`{"id", "workspace_id", "stored_at", "first", "events": [[source, id, type, subject, time, data], ...]}`. All events of a batch
were stored at one instant; the first has the sequence `first`, and the others follow without gaps. Data are the JSON text that
was sent, as a text, so no reader can touch a number.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from oppulence.metering.usage_event import SentEvent

MAX_EVENTS = 1000


class Written(msgspec.Struct):
    """Events of one workspace that were accepted together, at least one, as they are written.

    The nth event has the sequence `first` + n.
    """

    id: str
    workspace_id: str
    stored_at: datetime
    first: int
    events: Sequence[SentEvent]


_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Written)


def text_of(batch: Written) -> str:
    """The batch as text, without what no message may hold; the same batch gives the same text."""
    return _encoder.encode(batch).decode().replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def parse(text: str | bytes) -> Written:
    """A batch of its text.

    Raises:
        ValueError: it is none.
    """
    return _decoder.decode(text)
