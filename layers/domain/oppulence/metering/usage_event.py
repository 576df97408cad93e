"""A usage event as it was accepted, and its data with every number exact."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

UNREADABLE: Final = object()
"""Data that are no JSON."""

NOT_A_NUMBER: Final = object()
"""NaN, an infinity, or a number with an exponent beyond any use."""


class SentEvent(NamedTuple):
    """A usage event as it was sent, what was left out filled in. `data` is its JSON text; None when it has none."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    data: str | None


@dataclass(frozen=True)
class UsageEvent:
    """`data` is the JSON text that was sent; None when the event has none.

    (`stored_at`, `sequence`) is the place in which it was accepted, stamped once, before any queue.
    """

    source: str
    id: str
    type: str
    subject: str
    time: datetime
    data: str | None
    stored_at: datetime
    sequence: int

    @cached_property
    def content(self) -> Any:  # noqa: ANN401
        """The data parsed once: numbers are Decimals, without a float between; None when absent."""
        return None if self.data is None else parse(self.data)


def parse(data: str) -> Any:  # noqa: ANN401
    """JSON with exact numbers. Of a name given twice the last value holds; UNREADABLE stands for what is no JSON."""
    try:
        return _DECODER.decode(data)
    except (ValueError, RecursionError):
        return UNREADABLE


def _number(text: str) -> Any:  # noqa: ANN401
    try:
        return Decimal(text)
    except ArithmeticError:
        return NOT_A_NUMBER


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=lambda _: NOT_A_NUMBER)
"""Made once: to make one takes as long as to read a small event."""
