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


class UsageThresholdReached(Event, type="metering.usage.threshold_reached", version=1):
    """A meter's quantity reached an alert's threshold. Told once per alert, threshold, subject or customer, and period.

    With a lower bound it is told again only after the quantity was seen below that.
    """

    alert_id: str
    alert_revision: Annotated[int, Field(description="Rises with each change of the alert.")]
    meter_id: str
    slug: str
    subject: Annotated[str | None, Field(description="Whose usage it is; null: the customer's.")]
    customer_id: str | None
    period: Annotated[str, Field(description="`day`, `week`, `month` or `ever`.")]
    time_zone: str
    period_start: Annotated[datetime | None, Field(description="Null for `ever`.")]
    period_end: Annotated[datetime | None, Field(description="The first instant after the period; null for `ever`.")]
    threshold: Annotated[str, Field(description="An exact decimal.")]
    percent: Annotated[str | None, Field(description="Which share the threshold is of `of_quantity`.")]
    of_quantity: str | None
    quantity: Annotated[str, Field(description="As it was when it was looked at, exactly.")]
    settlement: Annotated[int, Field(description="The quantity is that of all settled up to it: as `as_of` it gives it again.")]


class UsageWindowClosed(Event, type="metering.usage.window_closed", version=1):
    """A meter had usage in an hour that is closed, some minutes after its end. Told once per meter and hour.

    What comes later for the hour is not told: its quantity then differs from this one, which `settlement` gives again.
    """

    meter_id: str
    slug: str
    window_start: datetime
    window_end: Annotated[datetime, Field(description="The first instant after the hour.")]
    quantity: Annotated[str | None, Field(description="An exact decimal; null where the meter has none.")]
    settlement: Annotated[int, Field(description="The quantity is that of all settled up to it.")]


class UsageExportRequested(Event, type="metering.usage_export.requested", version=1):
    """Files of an export are to be written, from a number on: after it was asked for, and whenever one run of work is over."""

    export_id: str
    from_file: int


class UsageExportCompleted(Event, type="metering.usage_export.completed", version=1):
    """All files of an export and their manifest are written. GET /v1/usage_exports/{export_id} gives links."""

    export_id: str
    schedule_id: Annotated[str | None, Field(description="The schedule that made it.")]
    kind: Annotated[str, Field(description="`events` or `windows`.")]
    period_start: datetime
    period_end: Annotated[datetime, Field(description="The first instant after the period.")]
    settlement: Annotated[int, Field(description="All that was settled up to it is in the files.")]
    files: int
    rows: int
    bytes: int
    manifest_sha256: str


class UsageExportFailed(Event, type="metering.usage_export.failed", version=1):
    """An export was given up; what it wrote is of no use."""

    export_id: str
    schedule_id: str | None
    reason: str
