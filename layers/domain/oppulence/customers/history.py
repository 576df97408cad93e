"""Who owns a usage subject when. Only beginnings are kept, so no two owners can meet at one instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

EVER = datetime(1900, 1, 1, tzinfo=UTC)
"""Before any usage: the earliest instant that the analytical store can hold."""


@dataclass(frozen=True, slots=True)
class Point:
    """From `valid_from` on the subject is the customer's (nobody's, if None), until the next point.

    `by_key`: because it is, or was, the customer's key. It gives way to the next customer that has the key.
    """

    valid_from: datetime
    customer_id: str | None
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """What a change makes of a history: points that no longer hold, and the one that does."""

    dropped: tuple[Point, ...]
    added: Point | None


def owner_at(points: Sequence[Point], at: datetime) -> str | None:
    """Whose the subject is at an instant. `points` are in order of time."""
    return next((point.customer_id for point in reversed(points) if point.valid_from <= at), None)


def move(points: Sequence[Point], wanted: Point) -> Move:
    """Give the subject to a customer, or to nobody, from an instant on, whatever was said of later times."""
    dropped = tuple(point for point in points if point.valid_from >= wanted.valid_from)
    before = owner_at(points[: len(points) - len(dropped)], wanted.valid_from)
    return Move(dropped, None if before == wanted.customer_id else wanted)


def after_key(points: Sequence[Point], customer_id: str, at: datetime) -> list[Point]:
    """What a customer gets of the subject that is named like its key, from when it has the key.

    All of it until somebody was first given it; and from now on, or from when that begins, what is nobody's or whose key it was.
    """
    gets = [Point(EVER, customer_id, by_key=True)] if not points or points[0].valid_from > EVER else []
    if points and (held := points[-1]).customer_id != customer_id and (held.customer_id is None or held.by_key):
        gets.append(Point(max(at, held.valid_from), customer_id, by_key=True))
    return gets


def applied(points: Sequence[Point], change: Move) -> list[Point]:
    """The history after a change."""
    return [point for point in points if point not in change.dropped] + ([change.added] if change.added else [])
