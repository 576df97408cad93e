"""Meters as OpenMeter has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, LiteralString

from pydantic import AwareDatetime, ConfigDict, Field

from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import store
from oppulence.metering.models import (
    Dimension,
    EventType,
    Metadata,
    Meter,
    MeterChange,
    Name,
    NewMeter,
    Path,
    Slug,
)
from oppulence.metering.openmeter.form import Form, instant, merged

Description = Annotated[str, Field(max_length=1000)]
GroupBy = Annotated[dict[Dimension, Path], Field(max_length=20)]
LARGEST_PAGE = 1000


class MeterUpdate(Form):
    """What replaces the changeable part of a meter; what is left out is emptied."""

    model_config = ConfigDict(strict=True)

    name: Name | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    group_by: GroupBy | None = None

    def change(self) -> MeterChange:
        """As we change a meter: the dimensions from now on, all else at once."""
        return MeterChange(name=self.name, description=self.description, metadata=self.metadata, group_by=self.group_by)


class MeterCreate(MeterUpdate):
    """A meter to be."""

    slug: Slug
    event_type: EventType
    aggregation: Literal["SUM", "COUNT", "UNIQUE_COUNT", "AVG", "MIN", "MAX", "LATEST"]
    value_property: Path | None = None
    event_from: AwareDatetime | None = None

    def meter(self) -> NewMeter:
        """As we make it: one that counts events of any time, unless it says from when on."""
        return NewMeter.model_validate(
            {
                "slug": self.slug, "name": self.name, "description": self.description, "metadata": self.metadata or {},
                "event_type": self.event_type, "aggregation": self.aggregation, "value_property": self.value_property,
                "group_by": self.group_by or {}, "effective_from": self.event_from,
            },
            strict=False,
        )  # fmt: skip


class MeterPage(Form):
    """Which of the meters."""

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 100
    order: Literal["ASC", "DESC"] = "ASC"
    order_by: Literal["key", "name", "aggregation", "createdAt", "updatedAt"] = "key"
    include_deleted: bool = False


_ORDERS: dict[str, LiteralString] = {
    "key": "m.slug", "name": "coalesce(m.name, m.slug)", "aggregation": "m.aggregation", "createdAt": "m.created_at",
    "updatedAt": "m.updated_at",
}  # fmt: skip


def page(uow: UnitOfWork, query: MeterPage) -> list[Meter]:
    """The meters of a page."""
    order: LiteralString = _ORDERS[query.order_by] + (" DESC" if query.order == "DESC" else "")
    return store.numbered_page(uow.conn, order, query.include_deleted, query.page, query.page_size)


def shown(uow: UnitOfWork, meters: Sequence[Meter]) -> list[str]:
    """Meters as JSON."""
    since = store.beginnings(uow.conn, [meter.id for meter in meters])
    return [_shown(meter, since.get(meter.id)) for meter in meters]


def _shown(meter: Meter, since: datetime | None) -> str:
    return merged(
        {
            "id": meter.id, "slug": meter.slug, "name": meter.name or meter.slug, "description": meter.description,
            "metadata": meter.metadata or None, "aggregation": meter.aggregation, "eventType": meter.event_type,
            "eventFrom": since and instant(since), "valueProperty": meter.value_property, "groupBy": meter.group_by or None,
            "createdAt": instant(meter.created_at), "updatedAt": instant(meter.updated_at),
            "deletedAt": meter.archived_at and instant(meter.archived_at),
        },
        {},
    )  # fmt: skip
