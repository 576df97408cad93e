"""Statements of reconciliation: how far events were compared, the gaps there were, and what samples showed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from oppulence.kernel.db import Connection


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass over one account is; the counters are the pass's own."""

    workspace_id: str
    connection_id: str
    account: str
    checked_through: datetime | None
    pass_began_at: datetime | None
    pass_cursor: str | None
    events_compared: int = 0
    gaps_found: int = 0
    gaps_closed: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """An event that was missing."""

    event_id: str
    type: str
    created_at: datetime
    found_at: datetime
    closed_at: datetime | None
    error: str | None


def connected_accounts(conn: Connection, connection_id: str) -> list[str]:
    """The accounts connected to a platform, the one that waited longest first."""
    rows = conn.execute(
        "SELECT account FROM sync.reconciliations WHERE connection_id = %s AND account <> '' ORDER BY tried_at, account",
        (connection_id,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def add_accounts(conn: Connection, of: Progress, accounts: Sequence[str]) -> None:
    """Note connected accounts, so that passes over them follow."""
    conn.execute(
        """
        INSERT INTO sync.reconciliations (workspace_id, connection_id, account, tried_at)
        SELECT %s, %s, unnest(%s::text[]), 'epoch' ON CONFLICT DO NOTHING
        """,
        (of.workspace_id, of.connection_id, list(accounts)),
    )


def begin(conn: Connection, workspace_id: str, stream: tuple[str, str], at: datetime) -> Progress:
    """Note a try for (connection, account); returns where the last one had got to."""
    with conn.cursor(row_factory=class_row(Progress)) as cur:
        found = cur.execute(
            """
            INSERT INTO sync.reconciliations (workspace_id, connection_id, account, tried_at) VALUES (%s, %s, %s, %s)
            ON CONFLICT (workspace_id, connection_id, account) DO UPDATE SET tried_at = excluded.tried_at
            RETURNING workspace_id, connection_id, account, checked_through, pass_began_at, pass_cursor
            """,
            (workspace_id, *stream, at),
        ).fetchone()
    assert found is not None
    return found


def end(conn: Connection, done: Progress, how: tuple[datetime, bool, str | None]) -> None:
    """Keep how far a try got: (at, whether the pass reached its end, what stopped it)."""
    at, ended, error = how
    conn.execute(
        """
        UPDATE sync.reconciliations
           SET checked_through = %s, pass_began_at = %s, pass_cursor = %s, error = %s,
               succeeded_at = CASE WHEN %s THEN %s ELSE succeeded_at END,
               events_compared = events_compared + %s, gaps_found = gaps_found + %s, gaps_closed = gaps_closed + %s
         WHERE connection_id = %s AND account = %s
        """,
        (
            done.checked_through, done.pass_began_at, done.pass_cursor, error, ended, at, done.events_compared, done.gaps_found,
            done.gaps_closed, done.connection_id, done.account,
        ),
    )  # fmt: skip


def known(conn: Connection, account: str, events: Sequence[tuple[str, datetime]]) -> set[str]:
    """Which of these events, as (id, created), are stored."""
    rows = conn.execute(
        """
        SELECT event_id FROM sync.raw_events
          JOIN unnest(%s::text[], %s::timestamptz[]) AS k (event_id, created_at) USING (event_id, created_at)
         WHERE account = %s
        """,
        ([event_id for event_id, _ in events], [at for _, at in events], account),
    ).fetchall()
    return {str(row[0]) for row in rows}


def note_gaps(conn: Connection, of: Progress, gaps: Sequence[Gap]) -> None:
    """Keep what was missing; a gap known already only gets its present end."""
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO sync.gaps (workspace_id, connection_id, account, event_id, type, created_at, found_at, closed_at, error)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (workspace_id, connection_id, account, event_id)
            DO UPDATE SET closed_at = excluded.closed_at, error = excluded.error
            """,
            [
                (
                    of.workspace_id, of.connection_id, of.account, gap.event_id, gap.type, gap.created_at, gap.found_at,
                    gap.closed_at, gap.error,
                )
                for gap in gaps
            ],
        )  # fmt: skip


def open_gaps(conn: Connection, of: Progress, most: int) -> list[str]:
    """Ids of events that could not be taken in yet, the first found first."""
    rows = conn.execute(
        "SELECT event_id FROM sync.gaps WHERE connection_id = %s AND account = %s AND closed_at IS NULL"
        " ORDER BY found_at, event_id LIMIT %s",
        (of.connection_id, of.account, most),
    ).fetchall()
    return [str(row[0]) for row in rows]
