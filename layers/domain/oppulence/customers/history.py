"""Who owns a usage subject when. Only beginnings are kept, so no two owners can meet at one instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

EVER = datetime(1900, 1, 1, tzinfo=UTC)
"""Before any usage: the earliest instant that the analytical store can hold."""


@dataclass(frozen=True, slots=True)
class Point:
    """From `valid_from` on the subject is the customer's (nobody's, if None), until the next point."""

    valid_from: datetime
    customer_id: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """What a change makes of a history: points that no longer hold, and the one that does."""

    dropped: tuple[Point, ...]
    added: Point | None


def owner_at(points: Sequence[Point], at: datetime) -> str | None:
    """Whose the subject is at an instant. `points` are in order of time."""
    return next((point.customer_id for point in reversed(points) if point.valid_from <= at), None)


def move(points: Sequence[Point], customer_id: str | None, at: datetime) -> Move:
    """Give the subject to a customer, or to nobody, from an instant on, whatever was said of later times."""
    dropped = tuple(point for point in points if point.valid_from >= at)
    before = owner_at(points[: len(points) - len(dropped)], at)
    return Move(dropped, None if before == customer_id else Point(at, customer_id))


def applied(points: Sequence[Point], change: Move) -> list[Point]:
    """The history after a change."""
    return [point for point in points if point not in change.dropped] + ([change.added] if change.added else [])
