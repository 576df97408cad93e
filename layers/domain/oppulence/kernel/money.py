"""Money is a whole number of minor units and an ISO 4217 code. No floats, anywhere."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217 code, upper case.")]
AmountMinor = Annotated[int, Field(description="Minor units of `currency` (cents for USD, yen for JPY).")]

_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added or compared."""


def exponent(currency: str) -> int:
    """Decimal places of the minor unit as providers count it.

    Source: Stripe documentation, "Supported currencies" (zero-decimal and three-decimal lists).
    """
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of one currency."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError(f"minor units are whole numbers, not {self.amount_minor!r}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __str__(self) -> str:
        """Human form with the currency's own number of places, such as `26.10 USD` or `2610 JPY`."""
        return f"{Decimal(self.amount_minor).scaleb(-exponent(self.currency)):,} {self.currency}"

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined without a rate")
