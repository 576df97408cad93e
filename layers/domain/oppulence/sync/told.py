"""A fact on its way to be told, and how the provider's references and moments are read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oppulence.sync import events
from oppulence.sync.stripe_events import StripeEvent

Shown = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A fact: its name within the object, when it became true, and the event, complete but for the object's version."""

    name: str
    at: datetime
    event: type[events.ObjectFact]
    fields: dict[str, Any]

    def announce(self, source: StripeEvent, version: int) -> events.ObjectFact:
        """The canonical event."""
        common = {
            "object_id": source.object_id, "account": source.account or None, "object_version": version,
            "provider_event_id": source.id,
        }  # fmt: skip
        if issubclass(self.event, events.Fact):
            common["currency"] = str(source.object.get("currency") or "").upper()
        return self.event.model_validate(common | self.fields)


def id_of(reference: Any) -> str | None:  # noqa: ANN401
    """An id, whether or not the reference was expanded."""
    return reference.get("id") if isinstance(reference, dict) else reference


def at(seconds: float) -> datetime:
    """A moment of the provider."""
    return datetime.fromtimestamp(seconds, UTC)


def at_or_none(seconds: float | None) -> datetime | None:
    """A moment of the provider, if it says one."""
    return None if seconds is None else at(seconds)
