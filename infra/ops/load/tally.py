"""What the meters of a run must say, counted here: nothing of the platform's own code."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from typing import Any

from infra.ops.load.traffic import Made

_EXACT = Context(prec=200, traps=[Inexact])
PLACES = 20
"""Digits after the point to which an average is answered."""

Key = tuple[str, str, str | None]
"""Subject, the hour's beginning as ISO text in UTC, region."""


@dataclass
class Sums:
    """What is counted of one subject's hour."""

    total: Decimal = Decimal(0)
    count: int = 0
    users: set[str] = field(default_factory=set)
    amounts: list[Decimal] = field(default_factory=list)
    latest: tuple[datetime, Decimal] | None = None

    def add(self, event: Made) -> None:
        """Count one event."""
        self.total = _EXACT.add(self.total, event.amount)
        self.count += 1
        self.users.add(event.user)
        self.amounts = [min([*self.amounts, event.amount]), max([*self.amounts, event.amount])]
        self.latest = max(self.latest or (event.time, event.amount), (event.time, event.amount))


METERS: dict[str, dict[str, Any]] = {
    "sum": {"aggregation": "SUM", "value_property": "$.amount"},
    "count": {"aggregation": "COUNT"},
    "avg": {"aggregation": "AVG", "value_property": "$.amount"},
    "min": {"aggregation": "MIN", "value_property": "$.amount"},
    "max": {"aggregation": "MAX", "value_property": "$.amount"},
    "unique": {"aggregation": "UNIQUE_COUNT", "value_property": "$.user"},
    "latest": {"aggregation": "LATEST", "value_property": "$.amount"},
    "regions": {"aggregation": "SUM", "value_property": "$.amount", "group_by": {"region": "$.region"}},
}
"""The meters of a run; `regions` is asked by region."""


class Tally:
    """Each event once: the first of its id."""

    def __init__(self) -> None:
        self.events = 0
        self._hours: dict[Key, Sums] = defaultdict(Sums)

    def add(self, events: Iterable[Made]) -> None:
        """Count events that were never counted."""
        for event in events:
            hour = event.time.astimezone(UTC).replace(minute=0, second=0, microsecond=0).isoformat()
            for region in (None, event.region):
                self._hours[event.subject, hour, region].add(event)
            self.events += 1

    def expected(self, meter: str) -> dict[Key, Fraction]:
        """What a meter must say of each hour in which it counts something."""
        by_region = meter == "regions"
        return {key: Fraction(_of(meter, sums)) for key, sums in self._hours.items() if (key[2] is not None) is by_region}


def same(expected: Fraction | None, found: Fraction | None) -> bool:
    """Whether two numbers are equal, to the last digit that is answered."""
    if expected is None or found is None:
        return expected is found
    return abs(expected - found) <= Fraction(1, 2 * 10**PLACES)


def _of(meter: str, sums: Sums) -> Decimal | Fraction | int:
    match meter:
        case "count":
            return sums.count
        case "unique":
            return len(sums.users)
        case "min" | "max":
            return sums.amounts[meter == "max"]
        case "avg":
            return Fraction(sums.total) / sums.count
        case "latest":
            assert sums.latest is not None, "there is no empty hour"
            return sums.latest[1]
    return sums.total
