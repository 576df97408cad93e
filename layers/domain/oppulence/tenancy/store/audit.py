"""Queries on the audit log, its seals, and the rows that wait for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.tenancy.chain import Entry, Link

_ENTRY = """
    a.id, a.workspace_id, a.actor_type, a.actor_id, a.action, a.resource_type, a.resource_id, a.changes::text AS changes,
    a.personal, a.occurred_at, a.recorded_at
"""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Rows that no link holds yet."""

    rows: int
    oldest_id: str | None
    oldest_at: datetime | None


def list_entries(conn: Connection, filters: dict[str, Any], after: After | None, most: int) -> list[Entry]:
    """Entries, newest first; a filter that is None takes all."""
    after_at, after_id = after or (None, None)
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            f"""
            SELECT {_ENTRY} FROM tenancy.audit_log a
             WHERE (%(action)s::text IS NULL OR action = %(action)s)
               AND (%(actor_id)s::text IS NULL OR actor_id = %(actor_id)s)
               AND (%(resource_type)s::text IS NULL OR resource_type = %(resource_type)s)
               AND (%(resource_id)s::text IS NULL OR resource_id = %(resource_id)s)
               AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
               AND (%(until)s::timestamptz IS NULL OR occurred_at < %(until)s)
               AND (%(after_at)s::timestamptz IS NULL OR (occurred_at, id) < (%(after_at)s::timestamptz, %(after_id)s))
             ORDER BY occurred_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {**filters, "after_at": after_at, "after_id": after_id, "most": most},
        ).fetchall()


def workspaces_to_seal(conn: Connection) -> list[str]:
    """Workspaces with rows that wait for a link, of all."""
    return [str(row[0]) for row in conn.execute("SELECT tenancy.workspaces_to_seal()")]


def audited_workspaces(conn: Connection) -> list[str]:
    """Every workspace that has an audit log, the erased ones too."""
    return [str(row[0]) for row in conn.execute("SELECT tenancy.audited_workspaces()")]


def lock_chain(conn: Connection, workspace_id: str) -> bool:
    """Hold the workspace's chain until the transaction ends; False when another sealer holds it."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (f"audit:{workspace_id}",)).fetchone()
    return row is not None and row[0] is True


def last_link(conn: Connection) -> Link | None:
    """The chain's end."""
    with conn.cursor(row_factory=class_row(Link)) as cur:
        return cur.execute(
            "SELECT seq, audit_id, prev_hash, hash, sealed_at FROM tenancy.audit_seals ORDER BY seq DESC LIMIT 1"
        ).fetchone()


def pending(conn: Connection, most: int) -> list[Entry]:
    """Committed rows that wait for a link, as they were written."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            f"SELECT {_ENTRY} FROM tenancy.audit_pending p JOIN tenancy.audit_log a ON a.id = p.audit_id"
            " ORDER BY a.recorded_at, a.id LIMIT %s".encode(),
            (most,),
        ).fetchall()


def add_links(conn: Connection, workspace_id: str, links: Sequence[Link]) -> None:
    """Append links, and take their rows off the waiting list."""
    ids = [link.audit_id for link in links]
    conn.execute(
        "INSERT INTO tenancy.audit_seals (workspace_id, seq, audit_id, prev_hash, hash, sealed_at)"
        " SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[])",
        (
            workspace_id, [link.seq for link in links], ids, [link.prev_hash for link in links],
            [link.hash for link in links], [link.sealed_at for link in links],
        ),
    )  # fmt: skip
    conn.execute("DELETE FROM tenancy.audit_pending WHERE audit_id = ANY (%s)", (ids,))


def links_after(conn: Connection, seq: int, most: int) -> list[Link]:
    """Links in order."""
    with conn.cursor(row_factory=class_row(Link)) as cur:
        return cur.execute(
            "SELECT seq, audit_id, prev_hash, hash, sealed_at FROM tenancy.audit_seals WHERE seq > %s ORDER BY seq LIMIT %s",
            (seq, most),
        ).fetchall()


def entries(conn: Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """Entries by id."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        statement = f"SELECT {_ENTRY} FROM tenancy.audit_log a WHERE a.id = ANY (%s)"
        return {row.id: row for row in cur.execute(statement.encode(), (list(ids),))}


def unsealed(conn: Connection) -> Unsealed:
    """What has no link, found by searching the whole log."""
    with conn.cursor(row_factory=class_row(Unsealed)) as cur:
        row = cur.execute(
            """
            SELECT count(*) AS rows, min(a.recorded_at) AS oldest_at,
                   (array_agg(a.id ORDER BY a.recorded_at, a.id))[1] AS oldest_id
              FROM tenancy.audit_log a
             WHERE NOT EXISTS (SELECT FROM tenancy.audit_seals s WHERE s.audit_id = a.id)
            """
        ).fetchone()
    assert row is not None
    return row
