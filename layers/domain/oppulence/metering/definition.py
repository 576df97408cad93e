"""Whether the parts of a meter fit together: each refusal names the part and the remedy."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Protocol

from oppulence.metering.errors import InvalidMeter
from oppulence.metering.jsonpath import InvalidPath, parse
from oppulence.metering.models import Aggregation, Filter

MAX_DEPTH, MAX_CONDITIONS, MAX_LIST, MAX_TEXT, MAX_DIGITS = 5, 50, 100, 255, 15
RESERVED = ("subject", "customer_id")
"""Dimensions that every meter has."""

_CARRY = (Aggregation.SUM, Aggregation.UNIQUE_COUNT, Aggregation.LATEST, Aggregation.WEIGHTED_SUM)
_PRORATE = (Aggregation.SUM, Aggregation.UNIQUE_COUNT)


class _Parts(Protocol):
    """A meter, as it is or as it is to be."""

    @property
    def aggregation(self) -> Aggregation: ...
    @property
    def percentile(self) -> Decimal | None: ...
    @property
    def carry_over(self) -> bool: ...
    @property
    def prorated(self) -> str | None: ...
    @property
    def value_property(self) -> str | None: ...
    @property
    def operation_property(self) -> str | None: ...
    @property
    def group_by(self) -> dict[str, str]: ...
    @property
    def filter(self) -> Filter | None: ...


def check(meter: _Parts) -> None:
    """Refuse what cannot count.

    Raises:
        InvalidMeter: two parts contradict each other, or a path or a filter is none.
    """
    kind = meter.aggregation
    if kind is Aggregation.COUNT and meter.value_property is not None:
        raise InvalidMeter("COUNT looks at no value. Leave out value_property, or choose UNIQUE_COUNT.", param="value_property")
    if kind is not Aggregation.COUNT and meter.value_property is None:
        raise InvalidMeter(f"{kind} needs the path of its value, such as $.tokens.", param="value_property")
    if (kind is Aggregation.PERCENTILE) != (meter.percentile is not None):
        raise InvalidMeter("`percentile` belongs to PERCENTILE, which needs it: 95 or 99.9, for example.", param="percentile")
    if meter.carry_over and kind not in _CARRY:
        raise InvalidMeter(f"{kind} cannot carry over; {', '.join(_CARRY)} can.", param="carry_over")
    if meter.prorated is not None and not (meter.carry_over and kind in _PRORATE):
        raise InvalidMeter("Only SUM and UNIQUE_COUNT with carry_over are prorated. Leave out `prorated`.", param="prorated")
    if meter.operation_property is not None and kind is not Aggregation.UNIQUE_COUNT:
        raise InvalidMeter("Only UNIQUE_COUNT adds and removes. Leave out operation_property.", param="operation_property")
    for name in meter.group_by:
        if name in RESERVED:
            raise InvalidMeter(f"Every meter has the dimension {name}. Choose another name.", param=f"group_by.{name}")
    for param, path in _paths(meter):
        _check_path(path, param)
    if meter.filter is not None:
        _Checker().check(meter.filter, "filter", 1)


def _paths(meter: _Parts) -> Iterator[tuple[str, str]]:
    if meter.value_property is not None:
        yield "value_property", meter.value_property
    if meter.operation_property is not None:
        yield "operation_property", meter.operation_property
    for name, path in meter.group_by.items():
        yield f"group_by.{name}", path


def _check_path(path: str, param: str) -> None:
    try:
        parse(path)
    except InvalidPath as error:
        raise InvalidMeter(f"Invalid value for '{param}': {error}", param=param) from error


class _Checker:
    """Walks one filter and counts its conditions."""

    def __init__(self) -> None:
        self._left = MAX_CONDITIONS

    def check(self, node: Filter, param: str, depth: int) -> None:
        """Refuse what is no filter, from here on downward."""
        kinds = [name for name, part in (("op", node.op), ("and", node.and_), ("or", node.or_)) if part is not None]
        if len(kinds) != 1:
            raise InvalidMeter("A filter is one of: path, op and value; `and` with a list; `or` with a list.", param=param)
        if depth > MAX_DEPTH:
            raise InvalidMeter(
                f"A filter is at most {MAX_DEPTH} deep. Put conditions that are joined alike side by side.", param=param
            )
        parts = node.and_ if node.and_ is not None else node.or_
        if parts is None:
            return self._condition(node, param)
        if node.path is not None or node.value is not None:
            raise InvalidMeter("`path` and `value` belong to a condition, inside the list.", param=param)
        if not parts:
            raise InvalidMeter("Give at least one condition.", param=f"{param}.{kinds[0]}")
        for number, part in enumerate(parts):
            self.check(part, f"{param}.{kinds[0]}.{number}", depth + 1)
        return None

    def _condition(self, node: Filter, param: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise InvalidMeter(f"A filter has at most {MAX_CONDITIONS} conditions. Use `in` for many values.", param=param)
        if node.path is None:
            raise InvalidMeter("A condition needs the path of what it looks at, such as $.model.", param=f"{param}.path")
        _check_path(node.path, f"{param}.path")
        problem = _problem(node.op or "", node.value)
        if problem:
            raise InvalidMeter(f"Invalid value for '{param}.value': {problem}", param=f"{param}.value")


def _problem(op: str, value: Any) -> str | None:  # noqa: ANN401
    """What is wrong with what an operator compares with."""
    match op:
        case "exists":
            return None if isinstance(value, bool) else "`exists` takes true or false."
        case "in":
            if not isinstance(value, list) or not 1 <= len(value) <= MAX_LIST:
                return f"`in` takes a list of 1 to {MAX_LIST} values."
            return next((problem for one in value if (problem := _scalar(one))), None)
        case "gt" | "gte" | "lt" | "lte" if value is None or isinstance(value, bool | list):
            return f"`{op}` takes a number, or a text that is compared sign by sign."
    return _scalar(value)


def _scalar(value: Any) -> str | None:  # noqa: ANN401
    if isinstance(value, str):
        return None if len(value) <= MAX_TEXT else f"a text has at most {MAX_TEXT} characters."
    if isinstance(value, bool) or value is None:
        return None
    if not isinstance(value, int | float):
        return "write a text, a number, a boolean or null."
    if not abs(value) < 10**38 or len(Decimal(repr(value)).normalize().as_tuple().digits) > MAX_DIGITS:  # NaN is not less
        return f"a number has at most {MAX_DIGITS} digits."
    return None
