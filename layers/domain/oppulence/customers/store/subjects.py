"""Statements of usage subjects and their history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.customers.history import EVER, Point
from oppulence.customers.models import SubjectPeriod
from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After

_PERIODS = """
    SELECT s.subject, s.customer_id, nullif(s.valid_from, %(ever)s) AS valid_from,
           (SELECT min(n.valid_from) FROM customers.subject_owners n
             WHERE n.subject = s.subject AND n.replaced_at IS NULL AND n.valid_from > s.valid_from) AS valid_until
      FROM customers.subject_owners s
     WHERE s.customer_id = %(customer_id)s AND s.replaced_at IS NULL
"""


def lock(conn: Connection, workspace_id: str, subjects: Sequence[str]) -> None:
    """Wait for others who change these subjects, or merge customers, and keep them waiting until the transaction ends.

    Before any customer is locked: who locks one first and then waits here deadlocks with a merge.
    """
    conn.execute(
        """
        SELECT pg_advisory_xact_lock_shared(hashtextextended(%(workspace_id)s, 1)),
               pg_advisory_xact_lock(hashtextextended(%(workspace_id)s || ' ' || one, 2))
          FROM unnest(%(subjects)s::text[]) AS one
        """,
        {"workspace_id": workspace_id, "subjects": sorted(subjects)},  # one order for everyone
    )


def lock_all(conn: Connection, workspace_id: str) -> None:
    """Wait for all who change subjects of the workspace, and keep them waiting until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (workspace_id,))


def wait(conn: Connection) -> None:
    """Wait for all who change subjects of the workspace at present, and keep nobody waiting."""
    with conn.transaction(force_rollback=True):
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.workspace_id'), 1))")


def points(conn: Connection, subjects: Sequence[str]) -> dict[str, list[Point]]:
    """Histories of subjects as known now, in order of time; of those that anybody has had."""
    rows: list[Any] = conn.execute(
        """
        SELECT subject, valid_from, customer_id, by_key FROM customers.subject_owners
         WHERE subject = ANY(%s) AND replaced_at IS NULL ORDER BY subject, valid_from
        """,
        (list(subjects),),
    ).fetchall()
    found: dict[str, list[Point]] = {}
    for subject, *point in rows:
        found.setdefault(subject, []).append(Point(*point))
    return found


def next_version(conn: Connection) -> int:
    """A number above all rows' and all that were given out before."""
    row = conn.execute("SELECT nextval('customers.subject_owners_id_seq')").fetchone()
    assert row is not None
    return int(str(row[0]))


def replace(conn: Connection, subject: str, dropped: Sequence[Point], at: datetime) -> None:
    """Say of points that they no longer hold."""
    conn.execute(
        """
        UPDATE customers.subject_owners SET replaced_at = %s
         WHERE subject = %s AND replaced_at IS NULL AND valid_from = ANY(%s)
        """,
        (at, subject, [point.valid_from for point in dropped]),
    )


def insert(conn: Connection, workspace_id: str, added: Mapping[str, Point], at: datetime) -> None:
    """Add a point to the history of each subject."""
    columns: list[Any] = [[getattr(one, name) for one in added.values()] for name in ("valid_from", "customer_id", "by_key")]
    conn.execute(
        """
        INSERT INTO customers.subject_owners (workspace_id, recorded_at, subject, valid_from, customer_id, by_key)
        SELECT %s, %s, * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::boolean[])
        """,
        [workspace_id, at, list(added), *columns],
    )


def have_more(conn: Connection, customer_ids: Sequence[str], most: int) -> bool:
    """Whether customers together have more than so many periods of subjects."""
    query = "SELECT FROM customers.subject_owners WHERE customer_id = ANY (%s) AND replaced_at IS NULL OFFSET %s LIMIT 1"
    return conn.execute(query, (list(customer_ids), most)).rowcount == 1


def give_all(conn: Connection, old: str, new: str, at: datetime) -> int:
    """Re-attribute the whole history that is a customer's to another one; returns the number of periods."""
    return conn.execute(
        """
        WITH given AS (
          UPDATE customers.subject_owners SET replaced_at = %(at)s WHERE customer_id = %(old)s AND replaced_at IS NULL
          RETURNING workspace_id, subject, valid_from, by_key
        )
        INSERT INTO customers.subject_owners (workspace_id, customer_id, recorded_at, subject, valid_from, by_key)
        SELECT workspace_id, %(new)s, %(at)s, subject, valid_from, by_key FROM given
        """,
        {"old": old, "new": new, "at": at},
    ).rowcount


def page(conn: Connection, customer_id: str, at: datetime | None, after: After | None, most: int) -> list[SubjectPeriod]:
    """Periods in which subjects are a customer's, by subject and time."""
    with conn.cursor(row_factory=class_row(SubjectPeriod)) as cur:
        return cur.execute(
            f"""
            SELECT * FROM ({_PERIODS}
               AND (%(subject)s::text IS NULL
                    OR (s.subject, s.valid_from) > (%(subject)s, coalesce(%(valid_from)s::timestamptz, %(ever)s)))
               AND (%(at)s::timestamptz IS NULL OR s.valid_from <= %(at)s)) p
             WHERE %(at)s::timestamptz IS NULL OR p.valid_until IS NULL OR p.valid_until > %(at)s
             ORDER BY p.subject, p.valid_from NULLS FIRST LIMIT %(most)s
            """.encode(),
            {
                "customer_id": customer_id, "at": at, "ever": EVER, "subject": after and after[0],
                "valid_from": after and after[1], "most": most,
            },
        ).fetchall()  # fmt: skip
