"""A body as the JSON text of each event in it, just as it was sent."""

import json
import re
from collections.abc import Iterator, Sequence

import msgspec

from oppulence.kernel.errors import InvalidBody

_WRAPPED = re.compile(r'\s*\{\s*"events"\s*:(.*)\}\s*', re.DOTALL)
_FAULT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?", re.DOTALL)
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_many: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_one: msgspec.json.Decoder[msgspec.Raw] = msgspec.json.Decoder(msgspec.Raw)
_parts: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lenient = json.JSONDecoder(parse_int=str, parse_float=str)


REQUIRED = "It is required."
_MAX_FIELD = 64
"""Of the name of a field that is refused: answers stay small, whatever was sent."""


def check_encoding(body: bytes) -> None:
    """Refuse what is no UTF-8: the parser does not look into what it leaves as it is.

    Raises:
        InvalidBody: it is not.
    """
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidBody("The body is not valid JSON: it is not UTF-8.") from error


def whole(text: bytes) -> msgspec.Raw:
    """A body that is one JSON value, as it is.

    Raises:
        InvalidBody: it is none.
    """
    try:
        return _one.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid(error) from error


def events(text: bytes, *, may_be_one: bool) -> Sequence[msgspec.Raw | str]:
    """The JSON of each event of a body: a list, or, where that may be, one event or an object with the list as `events`.

    Raises:
        InvalidBody: it is neither, or no JSON.
    """
    try:
        if may_be_one and text.lstrip()[:1] == b"{":
            parts = _parts.decode(text)
            return _many.decode(parts["events"]) if parts.keys() == {"events"} else [_one.decode(text)]
        return _many.decode(text)
    except msgspec.ValidationError as error:
        raise InvalidBody("Send one event, or a list of events.") from error
    except (msgspec.DecodeError, RecursionError) as error:
        wrapped = _WRAPPED.fullmatch(text.decode()) if may_be_one else None
        return list(_one_by_one(wrapped[1] if wrapped else text.decode(), error))


def depth_of(text: str) -> int:
    """How deep lists and objects are nested in JSON."""
    depth = deepest = 0
    for sign in _QUOTED.sub("", text):
        if sign in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "}]":
            depth -= 1
    return deepest


def explained(error: str) -> tuple[str, str]:
    """(field, reason) of what the decoder says of an event."""
    match = _FAULT.fullmatch(error)
    what, where = (match["what"], match["where"]) if match else (error, None)
    if named := _NAMED.fullmatch(what):
        is_missing = named[1] == "missing required"
        return named[2][:_MAX_FIELD], REQUIRED if is_missing else "Nobody knows this field. Remove it or correct its name."
    return (where or "")[:_MAX_FIELD], "Only 1.0 is taken." if where == "specversion" else f"{what}."


def _one_by_one(text: str, why: Exception) -> Iterator[str]:
    """The parts of a list of which one is no strict JSON, as NaN is not: the others can still be read."""
    position, end = _skipped(text, 0), "["
    if text[position : position + 1] != "[":
        raise _invalid(why) from why
    while end != "]":
        start = _skipped(text, position + 1)
        try:
            _, position = _lenient.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise _invalid(why) from why
        yield text[start:position]
        position = _skipped(text, position)
        end = text[position : position + 1]
        if end not in (",", "]") or (end == "]" and text[position + 1 :].strip()):
            raise _invalid(why) from why


def _skipped(text: str, position: int) -> int:
    """The next position that holds no white space."""
    while text[position : position + 1] in (" ", "\t", "\n", "\r"):
        position += 1
    return position


def _invalid(error: Exception) -> InvalidBody:
    return InvalidBody(f"The body is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}.")
