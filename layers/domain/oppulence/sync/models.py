"""What the API shows of the mirror."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from oppulence.kernel.instant import Instant
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model


class SyncObject(Model):
    """An object as Stripe last showed it."""

    id: str
    type: str
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    deleted: Annotated[bool, Field(description="The object was removed at Stripe; `data` is its last state.")]
    data: Annotated[dict[str, Any], Field(description="Stripe's object, in the shape of the event's API version.")]
    event_created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class SyncEvent:
    """A webhook that came in."""

    id: str
    type: str
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    status: Annotated[
        Literal["applied", "superseded", "kept", "not_applied"],
        Field(
            description="`applied`: the object got this state. `superseded`: a later state was known. "
            "`kept`: it shows no object. `not_applied`: see `error`."
        ),
    ]
    received_at: datetime
    deliveries: Annotated[int, Field(description="How often Stripe delivered it.")]
    error: str | None


class ObjectQuery(PageQuery):
    """Filters of mirrored objects."""

    account: Annotated[str | None, Field(max_length=255, description="Only this connected account's.")] = None
    deleted: Annotated[bool | None, Field(description="Only removed ones, or only ones that are not.")] = None
    updated_since: Annotated[Instant | None, Field(description="Only those changed at or after this instant.")] = None


class EventQuery(PageQuery):
    """Filters of webhooks."""

    type: Annotated[str | None, Field(max_length=255, description="Stripe's event type, such as `invoice.paid`.")] = None
    status: Literal["applied", "superseded", "kept", "not_applied"] | None = None
    since: Annotated[Instant | None, Field(description="Only those received at or after this instant.")] = None


RetentionDays = Annotated[
    int | None,
    Field(
        ge=35, le=36_500,
        description="Days that raw events stay in the raw store; null is for ever. Older ones are moved to the bucket, whole "
        "months at a time, and can no longer be replayed from here.",
    ),
]  # fmt: skip


class SyncSettings(Model):
    """What a workspace wants of its mirror."""

    raw_retention_days: RetentionDays


class SyncSettingsChange(Model):
    """What is to change; what is not sent stays."""

    raw_retention_days: RetentionDays = None
