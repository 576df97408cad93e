"""What the OpenAPI document says of bodies with usage events: the types that read them, and samples."""

from typing import Any

import msgspec

from oppulence.metering.batches import MAX_EVENTS
from oppulence.metering.cloudevents import MANY, ONE, PLAIN, CloudEvent, PlainEvent

_SAMPLE: dict[str, Any] = {
    "id": "req_8f14e45f", "source": "api-gateway", "type": "llm.request", "subject": "acme", "time": "2026-11-21T10:00:00Z",
    "data": {"tokens": 1250, "model": "large"},
}  # fmt: skip


def media_types() -> dict[str, Any]:
    """The content types of a body, each with schema and example."""
    plain, cloud = _schema(PlainEvent), _schema(CloudEvent)
    many = {"type": "array", "items": plain, "maxItems": MAX_EVENTS}
    wrapped = {"type": "object", "required": ["events"], "properties": {"events": many}, "additionalProperties": False}
    return {
        PLAIN: {"schema": {"anyOf": [plain, many, wrapped]}, "example": _SAMPLE},
        ONE: {"schema": cloud, "example": {"specversion": "1.0", **_SAMPLE}},
        MANY: {"schema": {**many, "items": cloud}, "example": [{"specversion": "1.0", **_SAMPLE}]},
    }


def _schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components([kind])
    return {name: part for name, part in parts[kind.__name__].items() if name not in ("title", "description")}
