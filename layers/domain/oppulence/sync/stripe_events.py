"""Stripe's event body, read once: what it is about, when, and what it says the object was before."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from oppulence.kernel.errors import Permanent

NEVER_OBJECTS = frozenset({"invoice.upcoming"})
"""Events whose object never comes to exist at Stripe."""

_STATUS_NOT_REMOVAL = frozenset({"customer.subscription.deleted"})
"""A `.deleted` that is a change of status: the object stays."""


@dataclass(frozen=True)
class StripeEvent:
    """One event. `account` is '' for the connection's own account."""

    id: str
    type: str
    account: str
    created: int
    livemode: bool | None
    object: dict[str, Any]
    previous: dict[str, Any]

    @cached_property
    def object_type(self) -> str:
        """Stripe's name of the object's kind, such as `invoice`."""
        return str(self.object.get("object", ""))

    @cached_property
    def object_id(self) -> str:
        """The object's id; objects without one (balance, entitlement summaries) are known by their customer or kind."""
        return str(self.object.get("id") or self.object.get("customer") or self.object_type)

    @cached_property
    def created_at(self) -> datetime:
        """The provider's time, whole seconds."""
        return datetime.fromtimestamp(self.created, UTC)

    @cached_property
    def key(self) -> tuple[str, str, str]:
        """The object's place in the mirror: account, type, id."""
        return self.account, self.object_type, self.object_id

    @property
    def has_object(self) -> bool:
        """Whether the event shows the state of an object that exists, or existed."""
        return bool(self.object_type) and self.type not in NEVER_OBJECTS

    @property
    def removes(self) -> bool:
        """Whether the object is gone after this."""
        return self.type.endswith(".deleted") and self.type not in _STATUS_NOT_REMOVAL


def read(body: bytes) -> StripeEvent:
    """Read an event's exact bytes. Text that PostgreSQL cannot hold is replaced in what we return, never in the bytes.

    Raises:
        Permanent: the bytes are no Stripe event.
    """
    try:
        document = _parsed(body)
        data = document.get("data") or {}
        shown, previous = data.get("object"), data.get("previous_attributes")
        event = StripeEvent(
            id=str(document["id"]), type=str(document["type"]), account=str(document.get("account") or ""),
            created=_seconds(document["created"]), livemode=document.get("livemode"),
            object=shown if isinstance(shown, dict) else {}, previous=previous if isinstance(previous, dict) else {},
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Permanent(f"not a Stripe event: {error}") from error
    return event


def storable(value: dict[str, Any]) -> str:
    """JSON text that PostgreSQL accepts as jsonb: U+0000 and lone surrogates become U+FFFD."""
    try:
        text = to_json(value).decode()
        return text if "\\u0000" not in text else to_json(_without_nul(value)).decode()
    except PydanticSerializationError:
        text = json.dumps(_without_nul(value), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _parsed(body: bytes) -> Any:  # noqa: ANN401
    """The JSON document. What the quick reader refuses, such as half a surrogate pair, the patient one may still take."""
    try:
        return from_json(body, cache_strings="keys")
    except ValueError:
        return json.loads(body)


def _seconds(created: int | str) -> int:
    """`created` in whole seconds; thin events of API v2 carry an ISO instant."""
    return created if isinstance(created, int) else int(datetime.fromisoformat(created).timestamp())


def _without_nul(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value
