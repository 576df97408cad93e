"""Statements of raw events. Batches go in as arrays, one round trip whatever their size.

The table lies in partitions by `created_at`: a statement that knows the time says it, so that it opens no other partition.
The arrays are binary (`%b`): as text each quote in them would be escaped, and that took longer than writing the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.kernel.arrays import Array, bigints, blobs, booleans, texts, times
from oppulence.kernel.db import Connection
from oppulence.sync.store import ObjectKey, columns

EventKey = tuple[str, str]
"""Account, event id."""


@dataclass(slots=True)
class RawEvent:
    """One event as it is to be stored, in the order of the statement's columns."""

    event_id: str
    account: str
    connection_id: str
    type: str
    object_type: str
    object_id: str
    created_at: datetime
    received_at: datetime
    via: str
    exact: bool
    livemode: bool | None
    api_version: str | None
    request_id: str | None
    idempotency_key: str | None
    pending_webhooks: int | None
    signed_at: datetime | None
    status: str
    error: str | None
    body: bytes
    deliveries: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored event."""

    account: str
    event_id: str
    arrival: int
    connection_id: str
    body: bytes


_COLUMNS: dict[str, Callable[[list[Any]], Array]] = dict.fromkeys(RawEvent.__dataclass_fields__, texts) | {
    "created_at": times, "received_at": times, "exact": booleans, "livemode": booleans, "pending_webhooks": bigints,
    "signed_at": times, "body": blobs, "deliveries": bigints,
}  # fmt: skip
_STORE = f"SELECT * FROM sync.store_raw(%s, {', '.join(['%b'] * len(_COLUMNS))})".encode()


def insert(conn: Connection, workspace_id: str, rows: Sequence[RawEvent]) -> dict[EventKey, int]:
    """Store events; a known one only counts its delivery. Returns the new ones' arrival by (account, event id).

    A known event has more deliveries than were given: a partitioned table does not tell by `xmax` what was inserted. Bytes that
    are the provider's own take the place of those that are not.
    """
    given_columns = (to([getattr(row, name) for row in rows]) for name, to in _COLUMNS.items())
    found: list[tuple[Any, ...]] = conn.execute(_STORE, (workspace_id, *given_columns)).fetchall()
    given = {(row.account, row.event_id): row.deliveries for row in rows}
    return {
        (account, event_id): arrival for account, event_id, arrival, deliveries in found if deliveries == given[account, event_id]
    }


def last_arrival(conn: Connection) -> int:
    """The last arrival there was: all events up to it had come in by now, in whatever workspace."""
    row = conn.execute("SELECT last_value FROM sync.raw_arrival").fetchone()
    return int(str(row[0])) if row else 0


def siblings(conn: Connection, workspace_id: str, moments: Sequence[tuple[ObjectKey, datetime]]) -> list[Stored]:
    """All stored events of these objects in these seconds."""
    with conn.cursor(row_factory=class_row(Stored)) as cur:
        return cur.execute(
            "SELECT * FROM sync.siblings(%s, %b::text[], %b::text[], %b::text[], %b::timestamptz[])",
            (workspace_id, *columns([key for key, _ in moments]), times([at for _, at in moments])),
        ).fetchall()


def set_status(
    conn: Connection, workspace_id: str, events: Sequence[EventKey], status: str, created: tuple[datetime, datetime]
) -> None:
    """Say of stored events, created between two seconds, whether they were applied or a later state was known already."""
    conn.execute(
        """
        UPDATE sync.raw_events r SET status = %s
          FROM unnest(%b::text[], %b::text[]) AS k (account, event_id)
         WHERE r.workspace_id = %s AND r.account = k.account AND r.event_id = k.event_id AND r.created_at BETWEEN %s AND %s
        """,
        (status, [account for account, _ in events], [event_id for _, event_id in events], workspace_id, *created),
    )


def by_key(conn: Connection, keys: Sequence[EventKey]) -> list[Stored]:
    """Stored events by (account, event id)."""
    with conn.cursor(row_factory=class_row(Stored)) as cur:
        return cur.execute(
            """
            SELECT r.account, r.event_id, r.arrival, r.connection_id, r.body
              FROM sync.raw_events r JOIN unnest(%b::text[], %b::text[]) AS k (account, event_id) USING (account, event_id)
            """,
            ([account for account, _ in keys], [event_id for _, event_id in keys]),
        ).fetchall()


def keys_after(conn: Connection, after: EventKey | None, most: int) -> list[EventKey]:
    """Keys of stored events in their order, those after one."""
    rows = conn.execute(
        """
        SELECT account, event_id FROM sync.raw_events
         WHERE %(account)s::text IS NULL OR (account, event_id) > (%(account)s, %(event_id)s)
         ORDER BY account, event_id LIMIT %(most)s
        """,
        {"account": after and after[0], "event_id": after and after[1], "most": most},
    ).fetchall()
    return [(str(account), str(event_id)) for account, event_id in rows]
