"""Meters as OpenMeter has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, LiteralString

from pydantic import ConfigDict, Field

from oppulence.kernel.instant import Instant
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters, store
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
from oppulence.metering.openmeter.form import Form, in_their_words, instant, merged

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

    @in_their_words()
    def change(self, uow: UnitOfWork, id_or_slug: str) -> Meter:
        """Change a meter: its dimensions from now on, all else at once.

        Raises:
            MeterNotFound, MeterNotActive, InvalidMeter, InvalidInstant, TooManyVersions
        """
        wanted = MeterChange(name=self.name, description=self.description, metadata=self.metadata, group_by=self.group_by)
        return meters.change(uow, id_or_slug, wanted)


class MeterCreate(MeterUpdate):
    """A meter to be."""

    slug: Slug
    event_type: EventType
    aggregation: Literal["SUM", "COUNT", "UNIQUE_COUNT", "AVG", "MIN", "MAX", "LATEST"]
    value_property: Path | None = None
    event_from: Instant | None = None

    @in_their_words()
    def make(self, uow: UnitOfWork) -> Meter:
        """Make it: it counts events of any time, unless it says from when on.

        Raises:
            MeterExists, InvalidMeter, InvalidInstant
        """
        wanted = NewMeter.model_validate(
            {
                "slug": self.slug, "name": self.name, "description": self.description, "metadata": self.metadata or {},
                "event_type": self.event_type, "aggregation": self.aggregation, "value_property": self.value_property,
                "group_by": self.group_by or {}, "effective_from": self.event_from,
            },
            strict=False,
        )  # fmt: skip
        return meters.create(uow, wanted)


@in_their_words()
def get(uow: UnitOfWork, id_or_slug: str) -> Meter:
    """One meter by its id, or an active one by its slug.

    Raises:
        MeterNotFound: there is none.
    """
    return meters.get(uow, id_or_slug)


@in_their_words()
def remove(uow: UnitOfWork, id_or_slug: str) -> None:
    """Archive a meter, or delete one that counted nothing.

    Raises:
        MeterNotFound, MeterNotActive
    """
    meters.remove(uow, id_or_slug)


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


def shown(uow: UnitOfWork, meter: Meter) -> str:
    """A meter as JSON."""
    return all_shown(uow, [meter])[0]


def all_shown(uow: UnitOfWork, found: Sequence[Meter]) -> list[str]:
    """Meters as JSON."""
    since = store.beginnings(uow.conn, [meter.id for meter in found])
    return [_shown(meter, since.get(meter.id)) for meter in found]


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
