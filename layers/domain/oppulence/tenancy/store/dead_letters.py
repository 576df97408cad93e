"""Queries on dead letters."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.tenancy.models import DeadLetter

_COLUMNS = (
    "id, status, queue, consumer, event_id, event_type, error, message, tries, first_failed_at, last_failed_at, sent_back_at,"
    " decided_by, decided_at, discard_reason"
)
_FITS = """
    (%(status)s::text IS NULL OR status = %(status)s) AND (%(consumer)s::text IS NULL OR consumer = %(consumer)s)
    AND (%(event_type)s::text IS NULL OR event_type = %(event_type)s)
    AND (%(since)s::timestamptz IS NULL OR last_failed_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR last_failed_at < %(until)s)
    AND (%(reason)s::text IS NULL OR strpos(lower(error || ': ' || message), lower(%(reason)s)) > 0)
"""
_SENDABLE = """
    consumer IS NOT NULL AND status IN ('pending', 'kept') AND (cardinality(%(ids)s::text[]) = 0 OR id = ANY(%(ids)s))
    AND (%(queue)s::text IS NULL OR strpos(queue, %(queue)s) > 0)
"""


@dataclass(frozen=True, slots=True)
class Death:
    """A message of a dead-letter queue, as a row. `message_id` is SQS's."""

    id: str
    workspace_id: str
    queue: str
    consumer: str | None
    event_id: str | None
    event_type: str | None
    error: str
    message: str
    tries: int
    failed_at: datetime
    message_id: str
    body_key: str


@dataclass(frozen=True, slots=True)
class Home:
    """What sending a letter back needs."""

    id: str
    queue: str
    body_key: str


def record(conn: Connection, deaths: Sequence[Death], at: datetime) -> None:
    """Write letters. One that is known has died again: its tries add up, and it is kept unless nobody tried it since.

    A message that was recorded already changes nothing.
    """
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO tenancy.dead_letters AS d (id, workspace_id, queue, consumer, event_id, event_type, error, message, tries,
              status, first_failed_at, last_failed_at, updated_at, message_ids, body_key)
            VALUES (%(id)s, %(workspace_id)s, %(queue)s, %(consumer)s, %(event_id)s, %(event_type)s, %(error)s, %(message)s,
              %(tries)s, CASE WHEN %(consumer)s::text IS NULL THEN 'kept' ELSE 'pending' END, %(failed_at)s, %(failed_at)s,
              %(at)s, ARRAY[%(message_id)s], %(body_key)s)
            ON CONFLICT (id) DO UPDATE
               SET error = excluded.error, message = excluded.message, tries = d.tries + excluded.tries,
                   status = CASE d.status WHEN 'pending' THEN 'pending' ELSE 'kept' END, discard_reason = NULL,
                   last_failed_at = greatest(d.last_failed_at, excluded.last_failed_at), updated_at = excluded.updated_at,
                   message_ids = d.message_ids || excluded.message_ids
             WHERE NOT d.message_ids @> excluded.message_ids
            """,
            [{**asdict(one), "at": at} for one in deaths],
        )


def list_letters(conn: Connection, filters: dict[str, Any], after: After | None, most: int) -> list[DeadLetter]:
    """Letters, the last failed first; a filter that is None takes all."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(DeadLetter)) as cur:
        return cur.execute(
            f"""
            SELECT {_COLUMNS} FROM tenancy.dead_letters WHERE {_FITS}
               AND (%(after_at)s::timestamptz IS NULL OR (last_failed_at, id) < (%(after_at)s::timestamptz, %(after_id)s))
             ORDER BY last_failed_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {**filters, "after_at": after_at, "after_id": after_id, "most": most},
        ).fetchall()


def find(conn: Connection, letter_id: str, lock: bool = False) -> DeadLetter | None:
    """One letter; with `lock`, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(DeadLetter)) as cur:
        statement = f"SELECT {_COLUMNS} FROM tenancy.dead_letters WHERE id = %s {'FOR UPDATE' if lock else ''}"
        return cur.execute(statement.encode(), (letter_id,)).fetchone()


def of_ids(conn: Connection, ids: Sequence[str]) -> list[DeadLetter]:
    """These letters, the first failed first."""
    with conn.cursor(row_factory=class_row(DeadLetter)) as cur:
        statement = f"SELECT {_COLUMNS} FROM tenancy.dead_letters WHERE id = ANY (%s) ORDER BY first_failed_at, id"
        return cur.execute(statement.encode(), (list(ids),)).fetchall()


def count_sendable(conn: Connection, filters: dict[str, Any]) -> int:
    """How many letters that wait, and have a queue, fit."""
    statement = f"SELECT count(*) FROM tenancy.dead_letters WHERE {_FITS} AND {_SENDABLE}"
    row = conn.execute(statement.encode(), filters).fetchone()
    return int(str(row[0])) if row else 0


def sendable(conn: Connection, filters: dict[str, Any], most: int) -> list[DeadLetter]:
    """Those letters, the first failed first, held until the transaction ends."""
    with conn.cursor(row_factory=class_row(DeadLetter)) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM tenancy.dead_letters WHERE {_FITS} AND {_SENDABLE}"
            " ORDER BY first_failed_at, id LIMIT %(most)s FOR UPDATE".encode(),
            {**filters, "most": most},
        ).fetchall()


def mean_to_send(conn: Connection, ids: Sequence[str], by: str | None, at: datetime) -> list[Home]:
    """Say that letters are to be sent back, by whom, or by the clock; those that wait for neither are left out."""
    with conn.cursor(row_factory=class_row(Home)) as cur:
        return cur.execute(
            """
            UPDATE tenancy.dead_letters
               SET status = 'retrying', sent_back_at = NULL, updated_at = %(at)s,
                   decided_by = coalesce(%(by)s, decided_by),
                   decided_at = CASE WHEN %(by)s::text IS NULL THEN decided_at ELSE %(at)s END
             WHERE id = ANY (%(ids)s) AND (status IN ('pending', 'kept') OR (status = 'retrying' AND sent_back_at IS NULL))
            RETURNING id, queue, body_key
            """,
            {"ids": list(ids), "by": by, "at": at},
        ).fetchall()


def mark_sent(conn: Connection, ids: Sequence[str], at: datetime) -> None:
    """Say that letters were sent; one that was processed or died meanwhile keeps that."""
    conn.execute(
        "UPDATE tenancy.dead_letters SET sent_back_at = %(at)s, updated_at = %(at)s WHERE id = ANY (%(ids)s)",
        {"ids": list(ids), "at": at},
    )


def discard(conn: Connection, letter_id: str, reason: str, by: str, at: datetime) -> None:
    """Give a letter up."""
    conn.execute(
        "UPDATE tenancy.dead_letters SET status = 'discarded', discard_reason = %(reason)s, decided_by = %(by)s,"
        " decided_at = %(at)s, updated_at = %(at)s WHERE id = %(id)s",
        {"id": letter_id, "reason": reason, "by": by, "at": at},
    )


def body_keys(conn: Connection, ids: Sequence[str] | None = None) -> list[str]:
    """Where the bodies of letters stand: of these, or of all that the workspace has."""
    statement = "SELECT body_key FROM tenancy.dead_letters WHERE %(ids)s::text[] IS NULL OR id = ANY (%(ids)s)"
    return [str(row[0]) for row in conn.execute(statement, {"ids": None if ids is None else list(ids)})]


def delete(conn: Connection, ids: Sequence[str]) -> None:
    """Delete letters."""
    conn.execute("DELETE FROM tenancy.dead_letters WHERE id = ANY (%s)", (list(ids),))


def due(conn: Connection, failed_before: datetime, left_before: datetime, most: int) -> list[tuple[str, str]]:
    """(workspace, letter) of those to be sent back by the clock, of all workspaces, the first failed first."""
    rows = conn.execute("SELECT * FROM tenancy.dead_letters_due(%s, %s, %s)", (failed_before, left_before, most))
    return [(str(row[0]), str(row[1])) for row in rows]


def closed(conn: Connection, before: datetime, most: int) -> list[tuple[str, str]]:
    """(workspace, letter) of those that were resolved or discarded long ago, of all workspaces."""
    rows = conn.execute("SELECT * FROM tenancy.dead_letters_closed(%s, %s)", (before, most))
    return [(str(row[0]), str(row[1])) for row in rows]


@dataclass(frozen=True, slots=True)
class QueueCount:
    """Letters of one queue and status, of all workspaces, and which workspaces those are."""

    queue: str
    status: str
    letters: int
    of_workspaces: list[str]


def by_queue(conn: Connection) -> list[QueueCount]:
    """What there is, of all workspaces."""
    with conn.cursor(row_factory=class_row(QueueCount)) as cur:
        return cur.execute("SELECT queue, status, letters, of_workspaces FROM tenancy.dead_letters_by_queue()").fetchall()
