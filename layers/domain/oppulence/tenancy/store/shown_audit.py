"""The audit log as higher contexts see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oppulence.kernel.db import Connection, fetch_rows


@dataclass(slots=True)
class ShownAuditEntry:
    """A sealed entry, without its personal data; `changes` holds `before`, `after` and `metadata`."""

    seq: int
    id: str
    actor_type: str
    actor_id: str
    action: str
    resource_type: str
    resource_id: str
    changes: dict[str, Any]
    occurred_at: datetime


def audit_entries(conn: Connection, first_seq: int, last_seq: int) -> list[ShownAuditEntry]:
    """Entries of the workspace from one place in the chain to another, both included."""
    return fetch_rows(
        conn,
        ShownAuditEntry,
        """
        SELECT seq, id, actor_type, actor_id, action, resource_type, resource_id, changes, occurred_at
          FROM tenancy_api.audit_entries WHERE seq BETWEEN %(first)s AND %(last)s ORDER BY seq
        """,
        {"first": first_seq, "last": last_seq},
    )


def last_audit_seq(conn: Connection) -> int:
    """Place of the last sealed entry; 0 when there is none."""
    row = conn.execute("SELECT coalesce(max(seq), 0) FROM tenancy_api.audit_entries").fetchone()
    return int(str(row[0])) if row else 0
