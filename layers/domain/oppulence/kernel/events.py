"""Domain events: past-tense facts with ids and money, and the envelope that carries them over the bus."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

MAX_DETAIL_BYTES = 64_000
"""A fact is small. What is not small goes to S3 and the event carries its key."""

REGISTRY: dict[str, type["Event"]] = {}
"""Event classes by type, of the modules imported so far."""


class Event(BaseModel):
    """Base of all events. Subclasses say `type=` and `version=`; a field is never removed, a new version is added."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def __init_subclass__(cls, *, type: str = "", version: int = 1, **kwargs: Any) -> None:  # noqa: A002, ANN401
        super().__init_subclass__(**kwargs)
        if type:
            cls.type, cls.version = type, version
            REGISTRY[type] = cls


class Envelope(BaseModel):
    """What stands in `detail` of a bus event.

    No order is promised. `id` is the same on every redelivery; `occurred_at` is when the fact became true.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    type: str
    version: int
    workspace_id: str
    occurred_at: datetime
    traceparent: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
