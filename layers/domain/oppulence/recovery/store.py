"""Statements on cases, steps and timeline. Row-level security supplies the workspace."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.recovery.models import Case, Entry, StepRecord, StepStatus

_CASE = """
    SELECT c.id, nullif(c.account, '') AS account, c.invoice_id, c.customer_id, c.amount_at_risk_minor, c.recovered_minor,
           c.currency, c.status, c.close_reason, c.failures, c.opened_at, c.closed_at, c.next_step_at, c.version,
           c.invoice_version, c.execution_name, c.execution_arn, c.executions,
           ARRAY(SELECT s.step FROM recovery.steps s WHERE s.case_id = c.id AND s.status <> 'pending') AS finished_steps
      FROM recovery.cases c
"""


def insert_case(conn: Connection, workspace_id: str, case: dict[str, Any]) -> bool:
    """Write a new case; False when the invoice has one already."""
    done = conn.execute(
        """
        INSERT INTO recovery.cases (id, workspace_id, account, invoice_id, customer_id, amount_at_risk_minor, currency,
                                    opened_at, next_step_at, invoice_version, execution_name)
        VALUES (%(id)s, %(workspace_id)s, %(account)s, %(invoice_id)s, %(customer_id)s, %(amount_at_risk_minor)s, %(currency)s,
                %(opened_at)s, %(opened_at)s, %(invoice_version)s, %(id)s)
        ON CONFLICT (workspace_id, invoice_id, account) DO NOTHING
        """,
        {**case, "workspace_id": workspace_id},
    )
    return done.rowcount == 1


def lock_case(conn: Connection, case_id: str) -> Case | None:
    """Read one case and hold its row lock until the transaction ends."""
    return _case(conn, "WHERE c.id = %(case_id)s FOR UPDATE OF c", {"case_id": case_id})


def lock_case_of(conn: Connection, account: str | None, invoice_id: str) -> Case | None:
    """The same by the invoice it follows."""
    return _case(
        conn,
        "WHERE c.invoice_id = %(invoice_id)s AND c.account = %(account)s FOR UPDATE OF c",
        {"invoice_id": invoice_id, "account": account or ""},
    )


def fetch_case(conn: Connection, case_id: str) -> Case | None:
    """Read one case."""
    return _case(conn, "WHERE c.id = %(case_id)s", {"case_id": case_id})


def count_failure(conn: Connection, case_id: str, invoice_version: int) -> None:
    """One more failed payment."""
    conn.execute(
        """
        UPDATE recovery.cases
           SET failures = failures + 1, invoice_version = greatest(invoice_version, %(version)s), version = version + 1
         WHERE id = %(case_id)s
        """,
        {"case_id": case_id, "version": invoice_version},
    )


def date_back(conn: Connection, case_id: str, opened_at: datetime, amount_at_risk_minor: int) -> None:
    """An earlier failure than the one that opened the case came to be known."""
    conn.execute(
        """
        UPDATE recovery.cases
           SET opened_at = %(opened_at)s, amount_at_risk_minor = greatest(%(amount)s, recovered_minor)
         WHERE id = %(case_id)s
        """,
        {"case_id": case_id, "opened_at": opened_at, "amount": amount_at_risk_minor},
    )


def close_case(conn: Connection, case_id: str, end: dict[str, Any]) -> None:
    """End a case; `recovered_minor` is cut to what was at risk."""
    conn.execute(
        """
        UPDATE recovery.cases
           SET status = %(status)s, close_reason = %(reason)s, closed_at = %(at)s, next_step_at = NULL, version = version + 1,
               recovered_minor = least(%(recovered_minor)s, amount_at_risk_minor),
               invoice_version = greatest(invoice_version, %(invoice_version)s)
         WHERE id = %(case_id)s
        """,
        {**end, "case_id": case_id},
    )


def reopen_case(conn: Connection, case_id: str, next_step_at: datetime) -> None:
    """Open a closed case again."""
    conn.execute(
        """
        UPDATE recovery.cases
           SET status = 'open', close_reason = NULL, closed_at = NULL, recovered_minor = 0, next_step_at = %(next_step_at)s,
               version = version + 1
         WHERE id = %(case_id)s
        """,
        {"case_id": case_id, "next_step_at": next_step_at},
    )


def plan(conn: Connection, case_id: str, next_step_at: datetime | None) -> None:
    """When the case's next step is due; its machine was heard of just now."""
    conn.execute(
        "UPDATE recovery.cases SET next_step_at = %(at)s, touched_at = clock_timestamp() WHERE id = %(case_id)s",
        {"case_id": case_id, "at": next_step_at},
    )


def touch(conn: Connection, case_id: str) -> None:
    """The case's machine was heard of just now."""
    conn.execute("UPDATE recovery.cases SET touched_at = clock_timestamp() WHERE id = %(case_id)s", {"case_id": case_id})


def name_next_execution(conn: Connection, case_id: str) -> None:
    """Give the case's next machine a name, which from now on is the only one that may act."""
    conn.execute(
        """
        UPDATE recovery.cases
           SET executions = executions + 1, execution_name = id || '-' || (executions + 1), execution_arn = NULL,
               touched_at = clock_timestamp()
         WHERE id = %(case_id)s
        """,
        {"case_id": case_id},
    )


def save_started(conn: Connection, case_id: str, execution_name: str, execution_arn: str) -> None:
    """The machine of this name runs."""
    conn.execute(
        """
        UPDATE recovery.cases SET execution_arn = %(arn)s, touched_at = clock_timestamp()
         WHERE id = %(case_id)s AND execution_name = %(name)s
        """,
        {"case_id": case_id, "name": execution_name, "arn": execution_arn},
    )


def fetch_step(conn: Connection, case_id: str, step: str) -> StepRecord | None:
    """A step's outcome or intent."""
    with conn.cursor(row_factory=class_row(StepRecord)) as cur:
        return cur.execute(
            "SELECT step, status, attempts, message_id FROM recovery.steps WHERE case_id = %(case_id)s AND step = %(step)s",
            {"case_id": case_id, "step": step},
        ).fetchone()


def ask_step(conn: Connection, workspace_id: str, step: dict[str, Any]) -> None:
    """Record that a mail is about to be asked for: an intent, or one attempt more of it."""
    conn.execute(
        """
        INSERT INTO recovery.steps AS s (workspace_id, case_id, step, status, attempts, recipient_hash, asked_at)
        VALUES (%(workspace_id)s, %(case_id)s, %(step)s, 'pending', 1, %(recipient_hash)s, %(at)s)
        ON CONFLICT (case_id, step) DO UPDATE
           SET attempts = s.attempts + 1, recipient_hash = excluded.recipient_hash, asked_at = excluded.asked_at
        """,
        {**step, "workspace_id": workspace_id},
    )


def take_attempt_back(conn: Connection, case_id: str, step: str) -> None:
    """The attempt certainly had no effect: it does not count."""
    conn.execute(
        """
        UPDATE recovery.steps SET attempts = attempts - 1
         WHERE case_id = %(case_id)s AND step = %(step)s AND status = 'pending' AND attempts > 0
        """,
        {"case_id": case_id, "step": step},
    )


def finish_step(conn: Connection, workspace_id: str, step: dict[str, Any]) -> StepStatus | None:
    """Record a step's outcome and return it; None when it had one.

    A step that is skipped while its mail is pending becomes `unknown`: the mail may have gone out.
    """
    row = conn.execute(
        """
        INSERT INTO recovery.steps AS s (workspace_id, case_id, step, status, message_id, finished_at)
        VALUES (%(workspace_id)s, %(case_id)s, %(step)s, %(status)s, %(message_id)s, %(at)s)
        ON CONFLICT (case_id, step) DO UPDATE
           SET status = CASE WHEN excluded.status = 'skipped' AND s.attempts > 0 THEN 'unknown' ELSE excluded.status END,
               message_id = excluded.message_id, finished_at = excluded.finished_at
         WHERE s.status = 'pending'
        RETURNING status
        """,
        {**step, "workspace_id": workspace_id},
    ).fetchone()
    return StepStatus(str(row[0])) if row else None


def add_entry(conn: Connection, workspace_id: str, case_id: str, entry: Entry, source: str | None = None) -> bool:
    """Add a line to the timeline; False when the same source told it before."""
    done = conn.execute(
        """
        INSERT INTO recovery.timeline (workspace_id, case_id, at, kind, step, reason, details, source)
        VALUES (%(workspace_id)s, %(case_id)s, %(at)s, %(kind)s, %(step)s, %(reason)s, %(details)s, %(source)s)
        ON CONFLICT (case_id, source) DO NOTHING
        """,
        {
            "workspace_id": workspace_id, "case_id": case_id, "at": entry.at, "kind": entry.kind, "step": entry.step,
            "reason": entry.reason, "details": Jsonb(entry.details), "source": source,
        },
    )  # fmt: skip
    return done.rowcount == 1


def timeline(conn: Connection, case_id: str, most: int) -> list[Entry]:
    """A case's timeline, oldest first; of a longer one the latest `most` lines."""
    with conn.cursor(row_factory=class_row(Entry)) as cur:
        return cur.execute(
            """
            SELECT at, kind, step, reason, details
              FROM (SELECT * FROM recovery.timeline WHERE case_id = %(case_id)s ORDER BY at DESC, seq DESC LIMIT %(most)s) latest
             ORDER BY at, seq
            """,
            {"case_id": case_id, "most": most},
        ).fetchall()


def cases_without_machine(conn: Connection, now: datetime, most: int) -> Sequence[tuple[str, str]]:
    """(workspace, case) of open cases that no machine seems to look after, in all workspaces."""
    return _pairs(conn, "SELECT workspace_id, case_id FROM recovery.cases_without_machine(%s, %s)", (now, most))


def open_cases(conn: Connection, after: str, most: int) -> Sequence[tuple[str, str]]:
    """(workspace, case) of open cases in order of their id, in all workspaces."""
    return _pairs(conn, "SELECT workspace_id, case_id FROM recovery.open_cases(%s, %s)", (after, most))


def erase(conn: Connection) -> int:
    """Delete all cases of the workspace; returns how many."""
    row = conn.execute("SELECT recovery.erase_workspace()").fetchone()
    return int(str(row[0])) if row else 0


def _case(conn: Connection, where: str, values: dict[str, Any]) -> Case | None:
    with conn.cursor(row_factory=class_row(Case)) as cur:
        return cur.execute((_CASE + where).encode(), values).fetchone()


def _pairs(conn: Connection, query: str, values: tuple[object, ...]) -> list[tuple[str, str]]:
    return [(str(workspace_id), str(case_id)) for workspace_id, case_id in conn.execute(query.encode(), values).fetchall()]
