"""What higher contexts may ask about the workspace they work for."""

from fnmatch import fnmatchcase

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.tenancy.models import Mode, Row, Settings, Status
from oppulence.tenancy.store.shown_audit import ShownAuditEntry, audit_entries, last_audit_seq

__all__ = [
    "DeadLetterCounts", "ShownAuditEntry", "WorkspaceFacts", "audit_entries", "dead_letters", "flag_is_on", "key_name",
    "last_audit_seq", "may_mail", "workspace",
]  # fmt: skip


class WorkspaceFacts(Row):
    """A workspace as other contexts see it."""

    id: str
    name: str
    mode: Mode
    status: Status
    plan: str
    settings: Settings


def workspace(conn: Connection) -> WorkspaceFacts | None:
    """The transaction's workspace; None when there is none of that id."""
    with conn.cursor(row_factory=class_row(WorkspaceFacts)) as cur:
        return cur.execute("SELECT id, name, mode, status, plan, settings FROM tenancy_api.workspace").fetchone()


def key_name(conn: Connection, key_id: str) -> str | None:
    """What an API key of the transaction's workspace is called; None when there is none of that id."""
    row = conn.execute("SELECT name FROM tenancy_api.api_keys WHERE id = %s", (key_id,)).fetchone()
    return str(row[0]) if row else None


def may_mail(facts: WorkspaceFacts, address: str) -> bool:
    """Whether a workspace may send to an address: a live one to all, another only to those its `test_recipients` match."""
    if facts.mode is Mode.LIVE:
        return True
    return any(fnmatchcase(address.lower(), pattern.lower()) for pattern in facts.settings.test_recipients)


def flag_is_on(conn: Connection, name: str) -> bool:
    """Whether a feature flag is on; one that nobody has set is off."""
    row = conn.execute("SELECT enabled FROM tenancy_api.feature_flags WHERE name = %s", (name,)).fetchone()
    return row is not None and row[0] is True


class DeadLetterCounts(Row):
    """Events that consumers could not process: `pending` and `retrying` go by themselves, `kept` waits for a person."""

    pending: int
    retrying: int
    kept: int


def dead_letters(conn: Connection, context: str) -> DeadLetterCounts:
    """How many letters of a context the transaction's workspace has."""
    with conn.cursor(row_factory=class_row(DeadLetterCounts)) as cur:
        row = cur.execute(
            """
            SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
                   count(*) FILTER (WHERE status = 'retrying') AS retrying, count(*) FILTER (WHERE status = 'kept') AS kept
              FROM tenancy_api.dead_letters WHERE starts_with(consumer, %s || '.')
            """,
            (context,),
        ).fetchone()
    assert row is not None
    return row
