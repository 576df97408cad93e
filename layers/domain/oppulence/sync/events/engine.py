"""What the engine itself tells of its work."""

from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.events import Event


class EventsStored(Event, type="sync.event.stored", version=1):
    """Raw events were stored; analytics reads them by id. Told once per stored batch."""

    event_ids: Annotated[list[str], Field(max_length=100, description="Provider event ids.")]
    account: str | None


class ObjectInDoubt(Event, type="sync.object.in_doubt", version=1):
    """Only the provider can say what an object's latest state is: it is to be fetched. Told where a key to ask with is known."""

    connection_id: str
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    object_type: str
    object_id: str
    path: Annotated[str, Field(description="Where the provider's API shows the object.")]
    reason: Annotated[
        Literal["same_second", "thin_event", "listed", "not_listed"],
        Field(
            description="`same_second`: events of one second, and nothing says which came last. `listed`: it was listed in the "
            "second of an event. `not_listed`: the mirror has it, and a listing that should show it does not. `thin_event`: the "
            "event shows no object."
        ),
    ]
