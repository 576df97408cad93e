"""What one event counts for one version of a meter. Pure: the same event and version give the same answer for ever.

| at the value's path | SUM, AVG, MIN, MAX, LATEST, PERCENTILE, WEIGHTED_SUM | UNIQUE_COUNT |
| --- | --- | --- |
| a number | it, if it has at most 38 digits and 20 after the point | its plain decimal text: 1, 1.0 and "1" are one |
| text | the decimal number that it writes; any other is rejected | it, up to 1,024 characters, but not empty |
| true, false | rejected | its text |
| NaN, an infinity, 1e400 | rejected | rejected |
| null, nothing, a list, an object | rejected | rejected |

COUNT looks at no value. A dimension is text, a number or a boolean as text; anything else, or more than 1,024 characters,
is null: an event never goes uncounted for its dimensions. Reasons name paths, never data.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from functools import lru_cache
from typing import Any

import msgspec

from oppulence.metering.jsonpath import ABSENT, parse, value_at
from oppulence.metering.models import Aggregation, Filter, MeterVersion
from oppulence.metering.usage_event import NOT_A_NUMBER, UNREADABLE, UsageEvent

MAX_DIGITS, MAX_PLACES, MAX_TEXT = 38, 20, 1024

_ONE = Decimal(1)
_DECIMAL_TEXT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXACT = Context(prec=MAX_DIGITS, traps=[Inexact, InvalidOperation, Overflow, Underflow])
_TOO_LONG = f"has more than {MAX_DIGITS} digits, or more than {MAX_PLACES} after the point"
_Scalar = str | bool | int | float | None


class Value(msgspec.Struct, frozen=True):
    """What an event counts. `number` is 1 for COUNT; for UNIQUE_COUNT 1 adds `text` and -1 removes it."""

    number: Decimal
    text: str | None
    groups: dict[str, str | None]


class Rejection(msgspec.Struct, frozen=True):
    """Why an event cannot count, though the meter means it."""

    reason: str


class _Refused(Exception):
    """Carries a reason."""


def evaluate(version: MeterVersion, event: UsageEvent) -> Value | Rejection | None:
    """What the event counts; None when it is not this version's: of another type or time, or filtered out."""
    if event.type != version.event_type or not version.covers(event.time):
        return None
    content = event.content
    if version.filter is not None and not matches(version.filter, content):
        return None
    groups = {name: _group(_at(content, path)) for name, path in version.group_by.items()}
    if version.aggregation is Aggregation.COUNT:
        return Value(_ONE, None, groups)
    path = version.value_property or "$"
    try:
        if content is None or content is UNREADABLE:
            raise _Refused("The event has no data." if content is None else "The event's data are no JSON.")
        value = _at(content, path)
        if version.aggregation is Aggregation.UNIQUE_COUNT:
            return Value(_operation(version.operation_property, content), _unique(value, path), groups)
        return Value(_numeric(value, path), None, groups)
    except _Refused as refused:
        return Rejection(str(refused))


def matches(wanted: Filter, content: Any) -> bool:  # noqa: ANN401
    """Whether parsed data fit a filter."""
    if wanted.and_ is not None:
        return all(matches(one, content) for one in wanted.and_)
    if wanted.or_ is not None:
        return any(matches(one, content) for one in wanted.or_)
    value = _at(content, wanted.path or "$")
    value = None if value is ABSENT else value
    match wanted.op:
        case "eq":
            return _same(value, wanted.value)
        case "ne":
            return not _same(value, wanted.value)
        case "in":
            return any(_same(value, one) for one in wanted.value)
        case "exists":
            return (value is not None) is wanted.value
        case "contains":
            if isinstance(value, list):
                return any(_same(_decimal(one), wanted.value) for one in value)
            return isinstance(value, str) and isinstance(wanted.value, str) and wanted.value in value
    return _compares(wanted.op or "", value, wanted.value)


def _at(content: Any, path: str) -> Any:  # noqa: ANN401
    """What stands at a path, a number as a Decimal."""
    return _decimal(value_at(content, parse(path)))


def _decimal(value: Any) -> Any:  # noqa: ANN401
    return Decimal(value) if type(value) is int else value


def _same(value: Any, wanted: _Scalar) -> bool:  # noqa: ANN401
    if wanted is None or isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, str):
        return isinstance(value, str) and value == wanted
    return isinstance(value, Decimal) and value == _operand(wanted)


def _compares(op: str, value: Any, wanted: _Scalar) -> bool:  # noqa: ANN401
    bound: Any = wanted if isinstance(wanted, str) else _operand(wanted or 0)
    if not isinstance(value, str if isinstance(wanted, str) else Decimal):
        return False
    match op:
        case "gt":
            return bool(value > bound)
        case "gte":
            return bool(value >= bound)
        case "lt":
            return bool(value < bound)
    return bool(value <= bound)


@lru_cache(maxsize=4096)
def _operand(number: float) -> Decimal:
    """What the caller wrote: a filter's numbers have at most 15 digits, which a float keeps."""
    return Decimal(repr(number))


def _numeric(value: Any, path: str) -> Decimal:  # noqa: ANN401
    if isinstance(value, str):
        if len(value) > 100 or not _DECIMAL_TEXT.fullmatch(value):
            raise _Refused(f"{path} is text that writes no decimal number.")
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise _Refused(f"{path} {_what(value)}; a number is needed.")
    return _exact(value, path)


def _exact(number: Decimal, path: str) -> Decimal:
    """The number in plain notation, as it is kept.

    Raises:
        _Refused: it has more digits than are kept.
    """
    try:
        found = _EXACT.normalize(number)
    except ArithmeticError:
        raise _Refused(f"{path} {_TOO_LONG}.") from None
    exponent = int(found.as_tuple().exponent)
    if found.adjusted() >= MAX_DIGITS or exponent < -MAX_PLACES:
        raise _Refused(f"{path} {_TOO_LONG}.")
    if not found:
        return Decimal(0)
    return found.quantize(_ONE, context=_EXACT) if exponent > 0 else found


def _unique(value: Any, path: str) -> str:  # noqa: ANN401
    if isinstance(value, Decimal):
        return f"{_exact(value, path):f}"
    text = _text(value)
    if text is None:
        raise _Refused(f"{path} {_what(value)}; text, a number or a boolean is needed.")
    if not text:
        raise _Refused(f"{path} is empty.")
    return text


def _operation(path: str | None, content: Any) -> Decimal:  # noqa: ANN401
    value = ABSENT if path is None else _at(content, path)
    if value in ("remove", "add") or value is ABSENT or value is None:
        return -_ONE if value == "remove" else _ONE
    raise _Refused(f"{path} is neither `add` nor `remove`.")


def _group(value: Any) -> str | None:  # noqa: ANN401
    if isinstance(value, Decimal):
        try:
            return f"{_exact(value, ''):f}"
        except _Refused:
            return None
    return _text(value)


def _text(value: Any) -> str | None:  # noqa: ANN401
    """Text or a boolean as text that every store takes; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return None
    return value if value.isascii() or not _SURROGATE.search(value) else None


def _what(value: Any) -> str:  # noqa: ANN401
    if value is ABSENT:
        return "is absent"
    if value is None:
        return "is null"
    if value is NOT_A_NUMBER:
        return "is no finite number of a usable size"
    if isinstance(value, str):
        return f"is text of more than {MAX_TEXT} characters, or not Unicode"
    kinds = {bool: "a boolean", list: "a list", dict: "an object"}
    return f"is {kinds.get(type(value), 'of another kind')}"
