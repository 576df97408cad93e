"""Meters, events and rows for tests of the pure rules."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from oppulence.metering.models import Aggregation, Measure, MeterVersion
from oppulence.metering.quantities import Row
from oppulence.metering.usage_event import UsageEvent

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def version(aggregation: str = "SUM", **fields: Any) -> MeterVersion:
    """A version that counts `$.v` of every event of type `t`."""
    found = {
        "meter_id": "met_1", "slug": "m", "version": 1, "event_type": "t", "aggregation": aggregation,
        "value_property": None if aggregation == "COUNT" else "$.v", "effective_from": None, "effective_until": None,
    }  # fmt: skip
    return MeterVersion.model_validate(found | fields)


def event(data: str | None, time: datetime = NOON, kind: str = "t") -> UsageEvent:
    """An event with this JSON text."""
    return UsageEvent("test", "1", kind, "acme", time, data, NOON, 0)


def measure(aggregation: str, **fields: Any) -> Measure:
    """How values become a quantity."""
    return Measure(aggregation=Aggregation(aggregation), **fields)


def at(text: str) -> datetime:
    """An instant of ISO 8601; UTC unless it says otherwise."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def row(time: str | datetime, number: int | str | Decimal = 1, text: str | None = None, sequence: int = 0) -> Row:
    """A value that counts."""
    return Row(at(time) if isinstance(time, str) else time, Decimal(number), text, NOON, sequence)
