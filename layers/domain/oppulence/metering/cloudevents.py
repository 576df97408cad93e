"""Usage events as they are sent: CloudEvents 1.0 over HTTP (structured, batch, binary), or plain JSON, one or many.

Each event is read by itself, so a bad one rejects no other; only a body that is no JSON, or of a type that nobody knows, is
refused as a whole. Data stay the text that was sent: nothing here reads a number.

Source: CloudEvents 1.0.2, its JSON format and its HTTP protocol binding.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec

from oppulence.kernel.errors import InvalidBody, UnsupportedMediaType
from oppulence.metering import bodies
from oppulence.metering.batches import MAX_EVENTS
from oppulence.metering.errors import TooManyEvents
from oppulence.metering.usage_event import SentEvent
from oppulence.metering.windows import EARLIEST

ONE, MANY, PLAIN = "application/cloudevents+json", "application/cloudevents-batch+json", "application/json"
AHEAD = timedelta(minutes=5)
MAX_TEXT, MAX_DATA_BYTES, MAX_DEPTH = 255, 65_536, 32

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
_NO_SUBJECT = "Name the subject, or the key of the customer in `customer`."
_REPLACED, _NINES = "\ufffd", ".999999"


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An event that is not taken: which, what is wrong with it, and what it takes instead."""

    index: int
    field: str
    reason: str


class Sent(msgspec.Struct, frozen=True, gc=False):
    """An event that can be taken. `named` says whether it came with an id."""

    index: int
    event: SentEvent
    named: bool


@dataclass(frozen=True, slots=True)
class Defaults:
    """What stands in for what an event leaves out, and how old one may be.

    `seed` makes ids: the same seed and place give the same id. `by_customer`: an event may name a customer instead of a subject;
    else that is an extension like others.
    """

    seed: str
    source: str
    now: datetime
    oldest: datetime = EARLIEST
    by_customer: bool = True


class _Event(msgspec.Struct, gc=False):
    """A CloudEvent with `customer`, an extension of ours. Other extensions are passed over."""

    type: Annotated[_Text, msgspec.Meta(description="What happened; meters count events of a type.")]
    id: Annotated[_Text | None, msgspec.Meta(description="Unique within its source: what is sent twice counts once.")] = None
    source: Annotated[_Text | None, msgspec.Meta(description="Where it happened. The API key's name, if left out.")] = None
    subject: Annotated[_Text | None, msgspec.Meta(description="Whose usage it is. Either this or `customer`.")] = None
    customer: Annotated[_Text | None, msgspec.Meta(description="Whose usage it is, by the customer's key.")] = None
    time: Annotated[_Instant | None, msgspec.Meta(description="When it happened, to the microsecond. Now, if left out.")] = None
    data: Annotated[msgspec.Raw, msgspec.Meta(description="What meters read. Numbers stay exact to the last digit.")] = (
        msgspec.field(default_factory=msgspec.Raw)
    )
    data_base64: Annotated[bytes | None, msgspec.Meta(description="The data as JSON in base64, instead.")] = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    specversion: Literal["1.0"] | None = None


class CloudEvent(_Event, kw_only=True, gc=False):
    """One that says so."""

    specversion: Literal["1.0"]


class PlainEvent(_Event, forbid_unknown_fields=True, gc=False):
    """In plain JSON a name that nobody knows is a mistake."""


class _Written(msgspec.Struct, gc=False):
    """An event's time as it was written."""

    time: str = ""


_cloud, _plain = msgspec.json.Decoder(CloudEvent), msgspec.json.Decoder(PlainEvent)
_written = msgspec.json.Decoder(_Written)


def read(body: bytes, headers: Mapping[str, str], defaults: Defaults) -> list[Sent | Refused]:
    """The events of a request, in order. Header names are lower case.

    Raises:
        UnsupportedMediaType: the Content-Type is none of those above, or names another encoding than UTF-8.
        InvalidBody: the body is no JSON, or holds no events.
        TooManyEvents: it holds more than 1,000.
    """
    media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    media_type = media_type.strip()
    if "charset=" in parameters and "utf-8" not in parameters:
        raise UnsupportedMediaType("Send the body in UTF-8.", param="Content-Type")
    bodies.check_encoding(body)
    reader = _Reader(defaults, body)
    if not media_type.startswith("application/cloudevents") and any(f"ce-{name}" in headers for name in _ATTRIBUTES):
        return [reader.binary(body, media_type, headers)]
    if media_type == ONE:
        return [reader.cloud(0, bodies.whole(body))]
    if media_type not in (MANY, PLAIN):
        raise UnsupportedMediaType(
            f"Send events as {PLAIN}, {ONE} or {MANY}, or as JSON data with ce- headers.", param="Content-Type"
        )
    found = bodies.events(body, may_be_one=media_type == PLAIN)
    if len(found) > MAX_EVENTS:
        raise TooManyEvents(
            f"The body has {len(found)} events; a request takes {MAX_EVENTS}. Send several requests, or a file with"
            " POST /v1/events/imports.", param="body",
        )  # fmt: skip
    judge = reader.plain if media_type == PLAIN else reader.cloud
    return [judge(index, one) for index, one in enumerate(found)]


def alone(defaults: Defaults) -> Callable[[int, str], Sent | Refused]:
    """Reads an event that stands alone, such as a line of a file, in plain JSON or as a CloudEvent; it is told the index."""
    return _Reader(defaults).plain


class _Reader:
    """Reads the events of one request."""

    def __init__(self, defaults: Defaults, body: bytes = b"") -> None:
        self._defaults = defaults
        self._has_nines = _NINES.encode() in body
        self._latest = defaults.now + AHEAD
        self._oldest = max(defaults.oldest, EARLIEST)

    def cloud(self, index: int, text: msgspec.Raw | str) -> Sent | Refused:
        """One CloudEvent of its JSON."""
        return self._read(_cloud, index, text)

    def plain(self, index: int, text: msgspec.Raw | str) -> Sent | Refused:
        """One event of plain JSON; if it says that it is a CloudEvent, it may have extensions."""
        found = self._read(_plain, index, text)
        if isinstance(found, Refused) and '"specversion"' in (text if isinstance(text, str) else str(text, "utf-8")):
            return self.cloud(index, text)
        return found

    def _read(self, decoder: "msgspec.json.Decoder[Any]", index: int, text: msgspec.Raw | str) -> Sent | Refused:
        try:
            found = decoder.decode(text)
            if found.time is not None and (_NINES in text if isinstance(text, str) else self._has_nines):
                found.time = _of_its_second(found.time, _written.decode(text).time)
            return self._completed(index, found)
        except msgspec.ValidationError as error:
            return Refused(index, *bodies.explained(str(error)))
        except msgspec.DecodeError:
            return Refused(index, "", "It is not valid JSON, which knows neither NaN nor infinities nor half a surrogate pair.")

    def binary(self, body: bytes, media_type: str, headers: Mapping[str, str]) -> Sent | Refused:
        """The one event of a request in binary mode: attributes are headers, the body is its data."""
        if body and not _is_json(media_type):
            raise UnsupportedMediaType(
                "In binary mode the data are JSON: send `Content-Type: application/json`.", param="Content-Type"
            )
        attributes = {}
        for name in _ATTRIBUTES:
            if (value := headers.get(f"ce-{name}")) is not None:
                try:
                    attributes[name] = _unescaped(value)
                except UnicodeError:
                    return Refused(0, name, "It is no UTF-8.")
        try:
            found = msgspec.convert(attributes, CloudEvent)
        except msgspec.ValidationError as error:
            field, reason = bodies.explained(str(error))
            return Refused(0, field, f"{reason} It is the header ce-{field}.")
        if found.time is not None:
            found.time = _of_its_second(found.time, attributes["time"])
        found.data = bodies.whole(body) if body.strip() else msgspec.Raw()
        return self._completed(0, found)

    def _completed(self, index: int, found: _Event) -> Sent | Refused:
        """The event with what it left out, unless that cannot be."""
        try:
            data = _data(found)
        except _Unusable as error:
            return Refused(index, error.field, error.reason)
        customer = found.customer if self._defaults.by_customer else None
        subject = found.subject or customer
        if subject is None:
            return Refused(index, "subject", _NO_SUBJECT if self._defaults.by_customer else bodies.REQUIRED)
        if found.subject is not None and customer is not None:
            return Refused(index, "customer", "Name the subject or the customer, not both.")
        time = found.time or self._defaults.now
        if not self._oldest <= time <= self._latest:
            return Refused(index, "time", self._out_of_time(time))
        id_ = found.id or self._made_id(index)
        source = found.source or self._defaults.source
        names = f"{id_}{source}{found.type}{subject}"
        if not names.isprintable() or _REPLACED in names:
            whose = "subject" if found.subject else "customer"
            for name, value in (("id", id_), ("source", source), ("type", found.type), (whose, subject)):
                if _CONTROL.search(value):
                    return Refused(index, name, "It has control characters, or U+FFFE or U+FFFF.")
                if _REPLACED in value:
                    return Refused(index, name, "It has U+FFFD, which stands for bytes that were no UTF-8. Send UTF-8.")
        if time.tzinfo is not UTC:
            time = time.astimezone(UTC)
        return Sent(index, SentEvent(source, id_, found.type, subject, time, data), found.id is not None)

    def _made_id(self, index: int) -> str:
        return hashlib.sha256(f"{self._defaults.seed}\x1f{index}".encode()).hexdigest()[:32]

    def _out_of_time(self, time: datetime) -> str:
        if time > self._latest:
            return f"It is more than {AHEAD.seconds // 60} minutes ahead of {self._defaults.now.isoformat()}."
        return f"Events before {self._oldest.isoformat()} are not taken."


_ATTRIBUTES = tuple(name for name in CloudEvent.__struct_fields__ if not name.startswith("data"))


class _Unusable(Exception):
    """Data that cannot be taken, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def _data(found: _Event) -> str | None:
    """The JSON text of an event's data; None when there are none.

    Raises:
        _Unusable: they are no JSON, or too much.
    """
    if found.datacontenttype is not None and not _is_json(found.datacontenttype):
        raise _Unusable("datacontenttype", "Only JSON data are taken.")
    raw, field = found.data, "data"
    if found.data_base64 is not None:
        if bytes(raw):
            raise _Unusable("data_base64", "Send data or data_base64, not both.")
        raw, field = _from_base64(found.data_base64), "data_base64"
    if memoryview(raw).nbytes > MAX_DATA_BYTES:
        raise _Unusable(field, f"It has more than {MAX_DATA_BYTES} bytes.")
    text = str(raw, "utf-8")
    if text.count("{") + text.count("[") > MAX_DEPTH and bodies.depth_of(text) > MAX_DEPTH:
        raise _Unusable(field, f"It is nested more than {MAX_DEPTH} deep.")
    return None if text in ("", "null") else text


def _from_base64(content: bytes) -> msgspec.Raw:
    try:
        bodies.check_encoding(content)
        return bodies.whole(content)
    except InvalidBody as error:
        raise _Unusable("data_base64", "It holds no JSON.") from error


def _is_json(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def _unescaped(value: str) -> str:
    """A header's value: quotes and backslashes of older senders off, then one round of percent-decoding."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return unquote(value, errors="strict").encode().decode()


def _of_its_second(time: datetime, written: str) -> datetime:
    """The decoder rounds to a microsecond: the last of a second stays in it, as the next second may be the next month's."""
    return time - timedelta(microseconds=1) if not time.microsecond and _NINES in written else time
