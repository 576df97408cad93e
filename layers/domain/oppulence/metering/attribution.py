"""Whose usage is whose: the periods in which subjects, of which a customer's key is one, are its own, as known now or earlier.

An event counts for whose its subject is when it happens. What carries over goes along with the subject (`Asked.moves`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from oppulence.customers import api as customers
from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.db import Connection
from oppulence.metering.errors import TooManySubjects

MAX_PERIODS = 200_000
"""Of subjects, that one question takes: so many take the store some seconds, and a process some 200 MB."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The subject is the customer's in `[since, until)`; None has no bound."""

    subject: str
    customer_id: str
    since: datetime | None
    until: datetime | None


def owners(owned: Sequence[Owned]) -> Callable[[str, datetime], str | None]:
    """Whose a subject is at an instant."""
    histories: dict[str, list[Owned]] = {}
    for one in owned:
        histories.setdefault(one.subject, []).append(one)

    def owner(subject: str, at: datetime) -> str | None:
        for one in histories.get(subject, ()):
            if (one.since is None or one.since <= at) and (one.until is None or at < one.until):
                return one.customer_id
        return None

    return owner


def of_customers(conn: Connection, ids_or_keys: Sequence[str], known_at: datetime | None) -> tuple[Owned, ...]:
    """What these customers own.

    Raises:
        CustomerNotFound: there is none of an id or key.
        TooManySubjects: they own more than one question takes.
    """
    return _owned(conn, sorted(set(ids(conn, ids_or_keys, known_at).values())), known_at)


def ids(conn: Connection, ids_or_keys: Sequence[str], known_at: datetime | None = None) -> dict[str, str]:
    """Ids of the customers that these are, or were.

    Raises:
        CustomerNotFound: there is none of an id or key.
    """
    found = customers.resolved(conn, ids_or_keys, known_at)
    missing = next((one for one in ids_or_keys if one not in found), None)
    if missing is not None:
        raise CustomerNotFound(f"No customer {missing[:64]} in this workspace. Name it by its id or key.")
    return found


def of_customer(conn: Connection, customer_id: str) -> tuple[Owned, ...]:
    """What the customer of this very id owns; one that was merged owns nothing any more.

    Raises:
        TooManySubjects: it owns more than one question takes.
    """
    return _owned(conn, [customer_id], None)


def of_all(conn: Connection, known_at: datetime | None) -> tuple[Owned, ...]:
    """What all customers own.

    Raises:
        TooManySubjects: that is more than one question takes.
    """
    return _owned(conn, None, known_at)


def _owned(conn: Connection, customer_ids: Sequence[str] | None, known_at: datetime | None) -> tuple[Owned, ...]:
    periods = customers.usage_periods(conn, customer_ids, MAX_PERIODS + 1, known_at)
    if len(periods) > MAX_PERIODS:
        raise TooManySubjects(
            f"These customers have more than {MAX_PERIODS} subjects. Name fewer customers, or ask by subject.",
            param="customers",
        )
    return tuple(Owned(one.subject, one.customer_id, one.valid_from, one.valid_until) for one in periods)
