"""What the engine itself tells of its work."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class EventsStored(Event, type="sync.event.stored", version=1):
    """Raw events were stored; analytics reads them by id. Told once per stored batch."""

    event_ids: Annotated[list[str], Field(max_length=100, description="Provider event ids.")]
    account: str | None
