"""Statements of retention: what a workspace wants, which raw events are past it, and where they went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from oppulence.kernel.db import Connection

PART_EVENTS = 5_000
PART_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Export:
    """A part of a month in the bucket. `sha256` is that of the sealed object."""

    s3_key: str
    month: date
    events: int
    sha256: str
    first_received_at: datetime
    last_received_at: datetime


@dataclass(frozen=True)
class Kept:
    """A raw event, whole."""

    event_id: str
    account: str
    connection_id: str
    type: str
    created_at: datetime
    received_at: datetime
    last_received_at: datetime
    arrival: int
    deliveries: int
    via: str
    exact: bool
    signed_at: datetime | None
    status: str
    error: str | None
    body: bytes


def retention_days(conn: Connection, default: int) -> int | None:
    """How many days the workspace keeps raw events; None is for ever."""
    row = conn.execute("SELECT raw_retention_days FROM sync.settings").fetchone()
    return default if row is None else None if row[0] is None else int(str(row[0]))


def save_retention_days(conn: Connection, workspace_id: str, days: int | None, at: datetime) -> None:
    """Save how many days the workspace keeps raw events."""
    conn.execute(
        """
        INSERT INTO sync.settings (workspace_id, raw_retention_days, updated_at) VALUES (%s, %s, %s)
        ON CONFLICT (workspace_id) DO UPDATE
           SET raw_retention_days = excluded.raw_retention_days, updated_at = excluded.updated_at
        """,
        (workspace_id, days, at),
    )


def add_months(conn: Connection, since: date, until: date) -> int:
    """Make the partitions that are missing from one day's month to another day; returns how many."""
    row = conn.execute("SELECT sync.add_raw_months(%s, %s)", (since, until)).fetchone()
    return int(str(row[0])) if row else 0


def expired(conn: Connection, default_days: int, at: datetime, most: int) -> list[tuple[str, date]]:
    """(workspace, month) that have events past their retention, the oldest months first."""
    rows: list[tuple[str, date]] = conn.execute(  # type: ignore[assignment]
        "SELECT workspace_id, month FROM sync.expired_raw_months(%s, %s, %s)", (default_days, at, most)
    ).fetchall()
    return rows


def part(conn: Connection, month: date, default_days: int, at: datetime) -> list[Kept]:
    """The month's first expired events, in the order of arrival here: so many as memory holds well, at least one."""
    days = retention_days(conn, default_days)
    with conn.cursor(row_factory=class_row(Kept)) as cur:
        return cur.execute(
            """
            WITH chosen AS (
              SELECT account, event_id, created_at,
                     sum(octet_length(body)) OVER (ORDER BY received_at, event_id, account) - octet_length(body) AS before
                FROM sync.raw_events
               WHERE created_at >= %(month)s::timestamp AT TIME ZONE 'UTC'
                 AND created_at < (%(month)s::timestamp + interval '1 month') AT TIME ZONE 'UTC'
                 AND received_at < %(at)s - make_interval(days => %(days)s::integer)
               ORDER BY received_at, event_id, account LIMIT %(most)s
            )
            SELECT r.event_id, r.account, r.connection_id, r.type, r.created_at, r.received_at, r.last_received_at, r.arrival,
                   r.deliveries, r.via, r.exact, r.signed_at, r.status, r.error, r.body
              FROM chosen JOIN sync.raw_events r USING (account, event_id, created_at)
             WHERE before < %(bytes)s ORDER BY r.arrival
            """,
            {"month": month, "at": at, "days": days, "most": PART_EVENTS, "bytes": PART_BYTES},
        ).fetchall()


def take_out(conn: Connection, workspace_id: str, export: Export, rows: Sequence[Kept], at: datetime) -> None:
    """Delete exactly the exported events, and note where they are."""
    conn.execute(
        """
        DELETE FROM sync.raw_events r
         USING unnest(%b::text[], %b::text[], %b::timestamptz[]) AS k (account, event_id, created_at)
         WHERE r.workspace_id = %s AND r.account = k.account AND r.event_id = k.event_id AND r.created_at = k.created_at
        """,
        ([one.account for one in rows], [one.event_id for one in rows], [one.created_at for one in rows], workspace_id),
    )
    conn.execute(
        """
        INSERT INTO sync.raw_exports (workspace_id, s3_key, month, events, sha256, first_received_at, last_received_at,
                                      exported_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            workspace_id, export.s3_key, export.month, export.events, export.sha256, export.first_received_at,
            export.last_received_at, at,
        ),
    )  # fmt: skip
