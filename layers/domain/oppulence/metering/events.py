"""Facts about meters."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class MeterFact(Event):
    """What all facts about a meter carry."""

    meter_id: str
    slug: str
    meter_revision: Annotated[int, Field(description="Rises with each change of the meter; read models drop a lower one.")]


class MeterCreated(MeterFact, type="metering.meter.created", version=1):
    """A meter exists, with its version 1. Told once per meter."""

    effective_from: Annotated[datetime | None, Field(description="Events before do not count. Null: all count.")]


class MeterUpdated(MeterFact, type="metering.meter.updated", version=1):
    """A meter changed: what it says of itself, or, by a new version, what it counts."""

    changed: Annotated[list[str], Field(description="Names of the fields that changed.")]
    new_version: Annotated[int | None, Field(description="Number of the version that the change made.")]
    effective_from: Annotated[datetime | None, Field(description="From when on that version counts.")]


class MeterArchived(MeterFact, type="metering.meter.archived", version=1):
    """A meter counts nothing that happens from now on."""

    deleted: Annotated[bool, Field(description="It had counted nothing, so it is gone altogether.")]


class UsageAccepted(Event, type="metering.usage.accepted", version=1):
    """Usage events were accepted, in one batch. It comes by a queue of its own; `batches` says how to read it."""

    batch_id: str
    events: Annotated[int, Field(description="How many.")]
    batch: Annotated[str | None, Field(description="The batch itself as JSON text; null when it is large.")] = None
    object_key: Annotated[str | None, Field(description="Where a large batch lies in the archive.")] = None
