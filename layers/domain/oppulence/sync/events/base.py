"""What all canonical events carry."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event
from oppulence.kernel.money import Currency

ObjectId = Annotated[str, Field(description="The provider's id of the object the fact is about.")]


class ObjectFact(Event):
    """What all canonical events carry. Each is told once per object and kind, but in no particular order."""

    object_id: ObjectId
    account: Annotated[str | None, Field(description="Connected account the object belongs to; null for the connection's own.")]
    object_version: Annotated[
        int, Field(description="Rises with each change of the mirrored object; read models drop a lower one.")
    ]
    provider_event_id: Annotated[
        str, Field(description="The provider's event that showed the fact first; empty when the object was listed or fetched.")
    ]


class Fact(ObjectFact):
    """A fact about money."""

    currency: Currency
