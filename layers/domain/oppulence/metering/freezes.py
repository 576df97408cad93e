"""Statements of frozen quantities and their adjustments."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.metering.attribution import Owned
from oppulence.metering.quantities import total


@dataclass(frozen=True, slots=True)
class Freeze:
    """A meter's quantity of `[since, until)`, of one customer (by id or key) or one subject. `key` is the caller's own."""

    key: str
    meter: str
    since: datetime
    until: datetime
    customer: str | None = None
    subject: str | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Frozen:
    """The frozen quantity has the number 0, its adjustments follow. `delta` is what the quantity has more than the one before."""

    number: int
    settlement: int
    known_at: datetime
    owned: tuple[Owned, ...] | None
    quantity: Decimal | None
    delta: Decimal


def get(conn: Connection, key: str) -> Freeze | None:
    """What was frozen under a key."""
    row = conn.execute(
        "SELECT key, meter_id, since, until, customer_id, subject, time_zone FROM metering.freezes WHERE key = %s", (key,)
    ).fetchone()
    return None if row is None else Freeze(*row)  # type: ignore[arg-type]


def insert(conn: Connection, workspace_id: str, freeze: Freeze, meter_id: str, customer_id: str | None) -> bool:
    """Save what is frozen, and in which words; False if something was frozen under its key."""
    done = conn.execute(
        """
        INSERT INTO metering.freezes (workspace_id, key, meter_id, customer_id, subject, since, until, time_zone, meter_named,
                                      customer_named)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            workspace_id, freeze.key, meter_id, customer_id, freeze.subject, freeze.since, freeze.until, freeze.time_zone,
            freeze.meter, freeze.customer,
        ),
    )  # fmt: skip
    return done.rowcount == 1


def words(conn: Connection, key: str) -> tuple[object, ...] | None:
    """How meter and customer were named when something was frozen under a key."""
    return conn.execute("SELECT meter_named, customer_named FROM metering.freezes WHERE key = %s", (key,)).fetchone()


def add(conn: Connection, workspace_id: str, key: str, frozen: Frozen) -> None:
    """Save a quantity, unless another one got its number first."""
    owned = None if frozen.owned is None else Jsonb([_written(one) for one in frozen.owned])
    conn.execute(
        """
        INSERT INTO metering.frozen_quantities (workspace_id, key, number, settlement, known_at, owned, quantity, delta)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (workspace_id, key, frozen.number, frozen.settlement, frozen.known_at, owned, frozen.quantity, frozen.delta),
    )


def numbers(conn: Connection, key: str, since: int) -> list[Frozen]:
    """Quantities from a number on, in order."""
    rows = conn.execute(
        """
        SELECT number, settlement, known_at, owned, quantity, delta FROM metering.frozen_quantities
         WHERE key = %s AND number >= %s ORDER BY number
        """,
        (key, since),
    ).fetchall()
    return [_frozen(row) for row in rows]


def difference(one: Decimal, other: Decimal) -> Decimal:
    """The exact difference."""
    return total((one, other.copy_negate()))


def _frozen(row: Any) -> Frozen:  # noqa: ANN401
    number, settlement, known_at, owned, quantity, delta = row
    return Frozen(number, settlement, known_at, None if owned is None else tuple(_read(one) for one in owned), quantity, delta)


def _written(one: Owned) -> list[str | None]:
    since, until = (None if at is None else at.isoformat() for at in (one.since, one.until))
    return [one.subject, one.customer_id, since, until]


def _read(written: list[str | None]) -> Owned:
    subject, customer_id, *times = written
    since, until = (None if at is None else datetime.fromisoformat(at) for at in times)
    return Owned(subject or "", customer_id or "", since, until)
