"""A usage event as it was accepted, and its data with every number exact."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

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


class UsageEvent(msgspec.Struct, frozen=True, dict=True):
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

    @property
    def content(self) -> Any:  # noqa: ANN401
        """The data parsed once, every number exact; None when absent."""
        kept = self.__dict__
        if "content" not in kept:
            kept["content"] = None if self.data is None else parse(self.data)
        return kept["content"]


def parse(data: str) -> Any:  # noqa: ANN401
    """JSON with exact numbers: Decimals, whole ones also as ints, never a float.

    Of a name given twice the last value holds; UNREADABLE stands for what is no JSON.
    """
    try:
        return _quick.decode(data)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):  # half a surrogate pair, NaN, or no JSON at all
        return _parse_slowly(data)


def _parse_slowly(data: str) -> Any:  # noqa: ANN401
    try:
        return _slow.decode(data)
    except (ValueError, RecursionError):
        return UNREADABLE


def _number(text: str) -> Any:  # noqa: ANN401
    try:
        return Decimal(text)
    except ArithmeticError:
        return NOT_A_NUMBER


_quick = msgspec.json.Decoder(float_hook=Decimal)
_slow = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=lambda _: NOT_A_NUMBER)
"""Takes ten times as long, and reads what the other refuses."""
