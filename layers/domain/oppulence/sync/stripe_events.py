"""Stripe's event body, read once: what it is about, when, and what it says the object was before."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, from_json, to_json

from oppulence.kernel.errors import Permanent

NEVER_OBJECTS = frozenset({"invoice.upcoming"})
"""Events whose object never comes to exist at Stripe."""

_THIN = "v2.core.event"
_INTEGER_MAX = 2**31
T = TypeVar("T")

_STATUS_NOT_REMOVAL = frozenset({"customer.subscription.deleted"})
"""A `.deleted` that is a change of status: the object stays."""


@dataclass(frozen=True)
class Related:
    """What a thin event is about: it shows no object, but says where to fetch it."""

    type: str
    id: str
    url: str


@dataclass(frozen=True)
class Envelope:
    """What an event says of its making, besides the object. The request is the one that caused it."""

    api_version: str | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    pending_webhooks: int | None = None


_NOTHING = Envelope()


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
    envelope: Envelope = _NOTHING
    related: Related | None = None

    @cached_property
    def object_type(self) -> str:
        """Stripe's name of the object's kind, such as `invoice`."""
        return self.related.type if self.related else str(self.object.get("object", ""))

    @cached_property
    def object_id(self) -> str:
        """The object's id; objects without one (balance, entitlement summaries) are known by their customer or kind."""
        return self.related.id if self.related else str(self.object.get("id") or self.object.get("customer") or self.object_type)

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
        return bool(self.object_type) and not self.related and self.type not in NEVER_OBJECTS

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
            id=str(document["id"]), type=str(document["type"]), account=_account(document),
            created=_seconds(document["created"]), livemode=_of(bool, document.get("livemode")),
            object=shown if isinstance(shown, dict) else {}, previous=previous if isinstance(previous, dict) else {},
            envelope=_envelope(document), related=_related(document),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Permanent(f"not a Stripe event: {error}") from error
    return event


def observed(key: tuple[str, str, str], shown: dict[str, Any], at: datetime, *, gone: bool = False) -> StripeEvent:
    """A state that Stripe was asked for, as an event of that second without an id."""
    account, kind, _ = key
    return StripeEvent(
        id="", type=f"{kind}.{'deleted' if gone else 'observed'}", account=account, created=int(at.timestamp()),
        livemode=_of(bool, shown.get("livemode")), object=shown, previous={},
    )  # fmt: skip


def storable(value: dict[str, Any]) -> str:
    """JSON text that PostgreSQL accepts as jsonb: U+0000 and lone surrogates become U+FFFD."""
    try:
        text = to_json(value).decode()
        return text if "\\u0000" not in text else to_json(_without_nul(value)).decode()
    except PydanticSerializationError:
        text = json.dumps(_without_nul(value), ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # by UTF-8 each would become three


def _parsed(body: bytes) -> Any:  # noqa: ANN401
    """The JSON document. What the quick reader refuses, such as half a surrogate pair, the patient one may still take."""
    try:
        return from_json(body, cache_strings="keys")
    except ValueError:
        return json.loads(body)


def _of(kind: type[T], value: object) -> T | None:
    return value if isinstance(value, kind) else None


def _account(document: dict[str, Any]) -> str:
    """The connected account; events of API v2 name it as the context in which to ask."""
    account = document.get("account")
    if account is None and document.get("object") == _THIN:
        account = str(document.get("context") or "").rpartition("/")[2]
    return str(account or "")


def _related(document: dict[str, Any]) -> Related | None:
    if document.get("object") != _THIN:
        return None
    named = document.get("related_object")
    return Related(str(named["type"]), str(named["id"]), str(named["url"])) if isinstance(named, dict) else None


def _envelope(document: dict[str, Any]) -> Envelope:
    """Older events name their request by its id alone; those of API v2 put it below the reason."""
    request = document.get("request") or (document.get("reason") or {}).get("request")
    request = {"id": request} if isinstance(request, str) else request or {}
    waiting = _of(int, document.get("pending_webhooks"))
    return Envelope(
        _text(document.get("api_version")), _text(request.get("id")), _text(request.get("idempotency_key")),
        waiting if waiting is not None and abs(waiting) < _INTEGER_MAX else None,
    )  # fmt: skip


def _text(value: object) -> str | None:
    """A text that PostgreSQL takes, nearly always the same; None for anything else."""
    if not isinstance(value, str) or value.isprintable():
        return value if isinstance(value, str) else None
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _seconds(created: int | str) -> int:
    """`created` in whole seconds; thin events of API v2 carry an ISO instant."""
    return created if isinstance(created, int) else int(datetime.fromisoformat(created).timestamp())


def _without_nul(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value
