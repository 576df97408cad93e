"""Statements on backfills. Row-level security supplies the workspace.

Whoever needs both locks the backfill first, then the type.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.sync.backfill.models import Backfill, BackfillQuery, TypeRow

_BACKFILL = """
    SELECT b.id, b.connection_id, b.bucket, b.source, b.status, b.created_from, b.created_until, b.accounts, b.connected,
           b.per_second, b.with_related, b.requested_at, b.ended_at, t.rows_listed, t.rows_changed
      FROM sync.backfills b
     CROSS JOIN LATERAL (SELECT coalesce(sum(rows_listed), 0)::bigint AS rows_listed,
                                coalesce(sum(rows_changed), 0)::bigint AS rows_changed
                           FROM sync.backfill_types WHERE backfill_id = b.id) t
"""
_COLUMNS = """
    backfill_id, type, state, reason, account, parent, after, done, reached, pages, rows_listed, rows_changed, related_fetched,
    related_missing, failures, execution_name, execution_arn, executions, started_at, ended_at, touched_at
"""


def insert(conn: Connection, workspace_id: str, row: Mapping[str, Any], types: Sequence[str]) -> None:
    """Write a new backfill and its types, in the order in which they are to start."""
    conn.execute(
        """
        INSERT INTO sync.backfills (id, workspace_id, connection_id, bucket, source, created_from, created_until, accounts,
                                    connected, per_second, with_related, requested_at)
        VALUES (%(id)s, %(workspace_id)s, %(connection_id)s, %(bucket)s, %(source)s, %(created_from)s, %(created_until)s,
                %(accounts)s, %(connected)s, %(per_second)s, %(with_related)s, %(requested_at)s)
        """,
        {**row, "workspace_id": workspace_id},
    )
    conn.execute(
        """
        INSERT INTO sync.backfill_types (workspace_id, backfill_id, type, position)
        SELECT %s, %s, type, position FROM unnest(%s::text[]) WITH ORDINALITY AS t (type, position)
        """,
        (workspace_id, row["id"], list(types)),
    )


def one_at_a_time(conn: Connection, workspace_id: str) -> None:
    """Let requests for backfills of one workspace take turns, so that they can be counted."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('sync.backfills:' || %s, 0))", (workspace_id,))


def running(conn: Connection, source: str, now: datetime) -> tuple[int, float | None]:
    """How many backfills of a source run, and how many seconds ago the last one was asked for."""
    row = conn.execute(
        "SELECT count(*) FILTER (WHERE status = 'running'), extract(epoch FROM %s - max(requested_at))::double precision"
        "  FROM sync.backfills WHERE source = %s",
        (now, source),
    ).fetchone()
    assert row is not None, "an aggregate"
    return int(str(row[0])), None if row[1] is None else float(str(row[1]))


def fetch(conn: Connection, backfill_id: str, *, lock: bool = False) -> Backfill | None:
    """One backfill; with `lock` its row is held until the transaction ends."""
    with conn.cursor(row_factory=class_row(Backfill)) as cur:
        tail = " FOR UPDATE OF b" if lock else ""
        return cur.execute(f"{_BACKFILL} WHERE b.id = %s{tail}".encode(), (backfill_id,)).fetchone()


def page(conn: Connection, query: BackfillQuery, after: After | None, most: int) -> list[Backfill]:
    """Backfills, the latest first."""
    with conn.cursor(row_factory=class_row(Backfill)) as cur:
        return cur.execute(
            f"""
            {_BACKFILL}
             WHERE (%(status)s::text IS NULL OR b.status = %(status)s)
               AND (%(at)s::timestamptz IS NULL OR (b.requested_at, b.id) < (%(at)s, %(id)s))
             ORDER BY b.requested_at DESC, b.id DESC LIMIT %(most)s
            """.encode(),
            {"status": query.status, "at": after and after[0], "id": after and after[1], "most": most},
        ).fetchall()


def types(conn: Connection, backfill_id: str) -> list[TypeRow]:
    """The types of a backfill, in the order of starting."""
    return _types(conn, f"SELECT {_COLUMNS} FROM sync.backfill_types WHERE backfill_id = %s ORDER BY position", (backfill_id,))


def fetch_type(conn: Connection, backfill_id: str, type: str, *, lock: bool = False) -> TypeRow | None:
    """One type; with `lock` its row is held until the transaction ends."""
    query = f"SELECT {_COLUMNS} FROM sync.backfill_types WHERE backfill_id = %s AND type = %s{' FOR UPDATE' if lock else ''}"
    return next(iter(_types(conn, query, (backfill_id, type))), None)


def save_pages(conn: Connection, row: TypeRow, change: Mapping[str, Any]) -> TypeRow:
    """Move the cursor and the counters, in the transaction that writes the pages' objects."""
    return _changed(
        conn,
        row,
        """
        account = %(account)s, parent = %(parent)s, after = %(after)s, done = %(done)s, reached = %(reached)s,
        pages = pages + %(pages)s, rows_listed = rows_listed + %(listed)s, rows_changed = rows_changed + %(changed)s,
        related_missing = related_missing + %(missing)s, failures = 0, reason = %(reason)s, wait_until = NULL
        """,
        change,
    )


def count_related(conn: Connection, row: TypeRow, changed: int) -> TypeRow:
    """One more related object was fetched."""
    change = "related_fetched = related_fetched + 1, rows_changed = rows_changed + %(changed)s"
    return _changed(conn, row, change, {"changed": changed})


def note_wait(conn: Connection, row: TypeRow, wait: tuple[int, str], *, failed: bool) -> TypeRow:
    """Say for how many seconds the machine waits, and why."""
    change = (
        "wait_until = clock_timestamp() + %(wait_s)s * interval '1 second', reason = %(reason)s, failures = failures + %(failed)s"
    )
    return _changed(conn, row, change, {"wait_s": wait[0], "reason": wait[1], "failed": int(failed)})


def touch(conn: Connection, backfill_id: str, type: str) -> None:
    """The machine was heard of."""
    conn.execute(
        "UPDATE sync.backfill_types SET touched_at = clock_timestamp() WHERE backfill_id = %s AND type = %s", (backfill_id, type)
    )


def start(conn: Connection, row: TypeRow, name: str, at: datetime) -> TypeRow:
    """Reserve the name of a type's next execution."""
    return _changed(
        conn,
        row,
        """
        state = 'running', execution_name = %(name)s, execution_arn = NULL, executions = executions + 1,
        started_at = coalesce(started_at, %(at)s), wait_until = NULL
        """,
        {"name": name, "at": at},
    )


def save_started(conn: Connection, row: TypeRow, arn: str) -> None:
    """The execution of the reserved name runs."""
    conn.execute(
        "UPDATE sync.backfill_types SET execution_arn = %s, touched_at = clock_timestamp()"
        " WHERE backfill_id = %s AND type = %s AND execution_name = %s",
        (arn, row.backfill_id, row.type, row.execution_name),
    )


def end_types(conn: Connection, backfill_id: str, names: Sequence[str] | None, end: Mapping[str, Any]) -> list[TypeRow]:
    """End types that are not over yet, or all of them; returns those that this ended."""
    query = f"""
        UPDATE sync.backfill_types
           SET state = %(state)s, reason = %(reason)s, ended_at = %(at)s, touched_at = clock_timestamp(), wait_until = NULL
         WHERE backfill_id = %(backfill_id)s AND ended_at IS NULL AND (%(names)s::text[] IS NULL OR type = ANY(%(names)s))
        RETURNING {_COLUMNS}
        """
    return _types(conn, query, {**end, "backfill_id": backfill_id, "names": None if names is None else list(names)})


def end(conn: Connection, backfill_id: str, status: str, at: datetime) -> None:
    """The backfill is over."""
    conn.execute("UPDATE sync.backfills SET status = %s, ended_at = %s WHERE id = %s", (status, at, backfill_id))


def without_machine(conn: Connection, most: int) -> list[tuple[str, str]]:
    """(workspace, backfill) of running backfills whose machines need a look, in all workspaces."""
    rows = conn.execute("SELECT workspace_id, backfill_id FROM sync.backfills_without_machine(%s)", (most,)).fetchall()
    return [(str(workspace_id), str(backfill_id)) for workspace_id, backfill_id in rows]


def next_account(conn: Connection, backfill: Backfill, after: str | None) -> str | None:
    """The next account to list; '' is the connection's own and comes first."""
    row = conn.execute(
        """
        SELECT min(account COLLATE "C") FROM (
          SELECT unnest(%(accounts)s::text[]) AS account
          UNION ALL
          SELECT id FROM sync.objects WHERE %(connected)s AND type = 'account' AND NOT deleted AND version > 0
        ) a WHERE %(after)s::text IS NULL OR account COLLATE "C" > %(after)s
        """,
        {"accounts": backfill.accounts, "connected": backfill.connected, "after": after},
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def parents(conn: Connection, wanted: Mapping[str, Any], most: int) -> list[str]:
    """Ids of the mirror's live objects that a listing goes through, by id.

    `wanted`: `type`, `account` (None is any), `after` (an id), `embedded` (the name of a list that must have more), and a range
    of `created`, `start` and `end`.
    """
    rows = conn.execute(
        """
        SELECT id FROM sync.objects
         WHERE type = %(type)s AND (%(account)s::text IS NULL OR account = %(account)s) AND id > %(after)s
           AND NOT deleted AND version > 0
           AND (%(embedded)s = '' OR data->%(embedded)s->'has_more' = 'true'::jsonb)
           AND (%(start)s::timestamptz IS NULL OR to_timestamp((data->>'created')::double precision) >= %(start)s)
           AND (%(end)s::timestamptz IS NULL OR to_timestamp((data->>'created')::double precision) < %(end)s)
         ORDER BY id LIMIT %(most)s
        """,
        {**wanted, "most": most},
    ).fetchall()
    return [str(row[0]) for row in rows]


def lacking(conn: Connection, account: str, named: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Which of these (type, id) the mirror has never seen in an account."""
    rows = conn.execute(
        """
        SELECT n.type, n.id FROM unnest(%s::text[], %s::text[]) AS n (type, id)
         WHERE NOT EXISTS (SELECT FROM sync.objects o
                            WHERE o.account = %s AND o.type = n.type AND o.id = n.id AND o.version > 0)
         ORDER BY n.type, n.id
        """,
        ([type for type, _ in named], [id for _, id in named], account),
    ).fetchall()
    return [(str(type), str(id)) for type, id in rows]


def _types(conn: Connection, query: str, values: Sequence[Any] | Mapping[str, Any]) -> list[TypeRow]:
    with conn.cursor(row_factory=class_row(TypeRow)) as cur:
        return cur.execute(query.encode(), values).fetchall()


def _changed(conn: Connection, row: TypeRow, change: str, values: Mapping[str, Any]) -> TypeRow:
    """Change one type's row, which is held; returns it as it is then."""
    query = f"""
        UPDATE sync.backfill_types SET touched_at = clock_timestamp(), {change}
         WHERE backfill_id = %(backfill_id)s AND type = %(type)s RETURNING {_COLUMNS}
        """
    (changed,) = _types(conn, query, {**values, "backfill_id": row.backfill_id, "type": row.type})
    return changed
