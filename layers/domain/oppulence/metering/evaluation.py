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
from collections.abc import Callable
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from functools import lru_cache
from typing import Any

import msgspec

from oppulence.metering.jsonpath import ABSENT, Step, parse, value_at
from oppulence.metering.models import Aggregation, Filter, MeterVersion
from oppulence.metering.usage_event import NOT_A_NUMBER, UNREADABLE, UsageEvent

MAX_DIGITS, MAX_PLACES, MAX_TEXT = 38, 20, 1024

_ZERO, _ONE, _TEN, _LEAST = Decimal(0), Decimal(1), Decimal(10), Decimal(1).scaleb(-MAX_PLACES)
_DECIMAL_TEXT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXACT = Context(prec=MAX_DIGITS, traps=[Inexact, InvalidOperation, Overflow, Underflow])
_KEPT = Context(prec=MAX_DIGITS + MAX_PLACES, traps=[Inexact, InvalidOperation])
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


Counted = tuple[Decimal, str, list[str | None], str]
"""A number, the text or '', the dimensions in order of their names, and '' or why it cannot count."""

Rule = Callable[[datetime, Any], Counted | None]
"""What an event of a version's type counts, by its time and its parsed data."""


def evaluate(version: MeterVersion, event: UsageEvent) -> Value | Rejection | None:
    """What the event counts; None when it is not this version's: of another type or time, or filtered out."""
    found = rule(version)(event.time, event.content) if event.type == version.event_type else None
    if found is None:
        return None
    number, text, groups, problem = found
    return (
        Rejection(problem) if problem else Value(number, text or None, dict(zip(sorted(version.group_by), groups, strict=True)))
    )


def rule(version: MeterVersion) -> Rule:
    """A version's rule, for many events: what the version says is read once, and what comes out is as it is stored."""
    covers, wanted = version.covers, version.filter
    dimensions = [parse(path) for _, path in sorted(version.group_by.items())]
    value_of = _value_of(version)

    def count(time: datetime, content: Any) -> Counted | None:  # noqa: ANN401
        if not covers(time) or (wanted is not None and not matches(wanted, content)):
            return None
        try:
            number, text = value_of(content)
        except _Refused as refused:
            return _ZERO, "", [], str(refused)
        return number, text, [_group(_at(content, steps)) for steps in dimensions], ""

    return count


def matches(wanted: Filter, content: Any) -> bool:  # noqa: ANN401
    """Whether parsed data fit a filter."""
    if wanted.and_ is not None:
        return all(matches(one, content) for one in wanted.and_)
    if wanted.or_ is not None:
        return any(matches(one, content) for one in wanted.or_)
    value = _at(content, parse(wanted.path or "$"))
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


def _value_of(version: MeterVersion) -> Callable[[Any], tuple[Decimal, str]]:
    """How a version takes number and text from an event's content; that raises _Refused where it cannot."""
    if version.aggregation is Aggregation.COUNT:
        return lambda content: (_ONE, "")
    path, operation = version.value_property or "$", version.operation_property
    steps = parse(path)
    is_unique = version.aggregation is Aggregation.UNIQUE_COUNT

    def value_of(content: Any) -> tuple[Decimal, str]:  # noqa: ANN401
        if content is None or content is UNREADABLE:
            raise _Refused("The event has no data." if content is None else "The event's data are no JSON.")
        value = _at(content, steps)
        return (_operation(operation, content), _unique(value, path)) if is_unique else (_numeric(value, path), "")

    return value_of


def _at(content: Any, steps: tuple[Step, ...]) -> Any:  # noqa: ANN401
    """What stands at a path, a number as a Decimal."""
    return _decimal(value_at(content, steps))


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
        _KEPT.quantize(found, _LEAST)  # fails if there are more digits, before the point or after it
    except ArithmeticError:
        raise _Refused(f"{path} {_TOO_LONG}.") from None
    if not found:
        return _ZERO
    return found if _KEPT.remainder(found, _TEN) else found.quantize(_ONE, context=_EXACT)


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
    value = ABSENT if path is None else _at(content, parse(path))
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
