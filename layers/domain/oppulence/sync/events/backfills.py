"""What backfills tell: the engine's own machines live on it, and whoever shows progress."""

from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.events import Event


class BackfillRequested(Event, type="sync.backfill.requested", version=1):
    """Somebody asked for objects to be listed at the provider."""

    backfill_id: str
    connection_id: str
    object_types: Annotated[list[str], Field(description="Provider's names of the types.")]


class BackfillTypeEnded(Event, type="sync.backfill.type_ended", version=1):
    """A backfill is through with one type, for good or ill."""

    backfill_id: str
    object_type: str
    state: Annotated[
        Literal["finished", "refused", "failed"],
        Field(description="`refused`: the provider does not list this type to this key or account."),
    ]
    rows_listed: int
    rows_changed: int


class BackfillEnded(Event, type="sync.backfill.ended", version=1):
    """A backfill is over."""

    backfill_id: str
    connection_id: str
    status: Annotated[
        Literal["completed", "partial", "failed", "cancelled"], Field(description="`partial`: some types were refused.")
    ]
