"""Objects that came into the mirror by other ways than events."""

from typing import Annotated

from pydantic import BaseModel, Field

from oppulence.kernel.events import Event


class ObjectRef(BaseModel):
    """An object of the provider."""

    object_type: Annotated[str, Field(description="The provider's name of its kind, such as `subscription`.")]
    object_id: str


class ObjectsObserved(Event, type="sync.object.observed", version=1):
    """Objects were listed or fetched, and changed in the mirror by it; analytics reads them. Told once per written batch."""

    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    objects: Annotated[list[ObjectRef], Field(max_length=100)]
