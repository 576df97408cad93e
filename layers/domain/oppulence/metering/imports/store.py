"""Statements on imports. Row-level security supplies the workspace."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.metering.imports.models import Import, ImportQuery, NewImport

_COLUMNS = ", ".join(Import.model_fields)


def insert(conn: Connection, workspace_id: str, import_id: str, wanted: NewImport, at: datetime) -> None:
    """Write a new import, whose source is known."""
    conn.execute(
        """
        INSERT INTO metering.imports (workspace_id, id, format, delimiter, columns, source, size_bytes, most_rejected,
                                      requested_at)
        VALUES (%(workspace_id)s, %(id)s, %(format)s, %(delimiter)s, %(columns)s, %(source)s, %(size_bytes)s, %(max_rejected)s,
                %(at)s)
        """,
        {**wanted.model_dump(), "columns": Jsonb(wanted.columns), "workspace_id": workspace_id, "id": import_id, "at": at},
    )


def one_at_a_time(conn: Connection, workspace_id: str) -> None:
    """Let requests for imports of one workspace take turns, so that they can be counted."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('metering.imports:' || %s, 0))", (workspace_id,))


def unfinished(conn: Connection) -> int:
    """How many imports wait or run."""
    row = conn.execute("SELECT count(*) FROM metering.imports WHERE ended_at IS NULL").fetchone()
    assert row is not None, "an aggregate"
    return int(str(row[0]))


def fetch(conn: Connection, import_id: str, *, lock: bool = False) -> Import | None:
    """One import; with `lock` its row is held until the transaction ends."""
    query = f"SELECT {_COLUMNS} FROM metering.imports WHERE id = %s{' FOR UPDATE' if lock else ''}"
    with conn.cursor(row_factory=class_row(Import)) as cur:
        return cur.execute(query.encode(), (import_id,)).fetchone()


def page(conn: Connection, query: ImportQuery, after: After | None, most: int) -> list[Import]:
    """Imports, the latest first."""
    with conn.cursor(row_factory=class_row(Import)) as cur:
        return cur.execute(
            f"""
            SELECT {_COLUMNS} FROM metering.imports
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(at)s::timestamptz IS NULL OR (requested_at, id) < (%(at)s, %(id)s))
             ORDER BY requested_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            {"status": query.status, "at": after and after[0], "id": after and after[1], "most": most},
        ).fetchall()


def start(conn: Connection, import_id: str, etag: str, at: datetime, oldest: datetime | None) -> None:
    """Reading begins, of the file as it is, without events before `oldest`; its machine has still to be named."""
    conn.execute(
        "UPDATE metering.imports SET status = 'running', etag = %s, started_at = %s, stamped_at = %s,"
        " oldest = %s, touched_at = clock_timestamp() WHERE id = %s",
        (etag, at, at, oldest, import_id),
    )


def name_execution(conn: Connection, import_id: str, name: str) -> None:
    """Reserve the name of the import's next execution."""
    conn.execute(
        "UPDATE metering.imports SET execution_name = %s, execution_arn = NULL, executions = executions + 1,"
        " touched_at = clock_timestamp() WHERE id = %s",
        (name, import_id),
    )


def save_started(conn: Connection, import_id: str, name: str, arn: str) -> None:
    """The execution of the reserved name runs."""
    conn.execute(
        "UPDATE metering.imports SET execution_arn = %s, touched_at = clock_timestamp() WHERE id = %s AND execution_name = %s",
        (arn, import_id, name),
    )


def save_part(conn: Connection, import_id: str, part: Mapping[str, Any]) -> None:
    """Move the place behind a part whose events were sent; the next part's instant is later than this one's."""
    conn.execute(
        """
        UPDATE metering.imports
           SET position = %(position)s, lines = %(lines)s, skipping = %(skipping)s, header = %(header)s,
               accepted = accepted + %(accepted)s, rejected = rejected + %(rejected)s, errors_bytes = %(errors_bytes)s,
               stamped_at = greatest(%(now)s, stamped_at + interval '1 microsecond'), touched_at = clock_timestamp()
         WHERE id = %(id)s
        """,
        {**part, "id": import_id},
    )


def end(conn: Connection, import_id: str, status: str, reason: str | None, at: datetime) -> None:
    """The import is over."""
    conn.execute(
        "UPDATE metering.imports SET status = %s, reason = %s, ended_at = %s, touched_at = clock_timestamp() WHERE id = %s",
        (status, reason, at, import_id),
    )


def touch(conn: Connection, import_id: str) -> None:
    """The machine was heard of."""
    conn.execute("UPDATE metering.imports SET touched_at = clock_timestamp() WHERE id = %s", (import_id,))


def note_removed(conn: Connection, import_id: str, at: datetime) -> None:
    """Its files are gone."""
    conn.execute("UPDATE metering.imports SET removed_at = %s WHERE id = %s", (at, import_id))


def delete_all(conn: Connection) -> None:
    """Delete all imports of the workspace."""
    conn.execute("DELETE FROM metering.imports")


def without_machine(conn: Connection, most: int) -> list[tuple[str, str]]:
    """(workspace, import) of running imports whose machines need a look, in all workspaces."""
    return _pairs(conn, "SELECT workspace_id, id FROM metering.imports_without_machine(%s)", (most,))


def to_clean(conn: Connection, since: datetime, most: int) -> list[tuple[str, str]]:
    """(workspace, import) of what was asked for before an instant, is not under way and has files, in all workspaces."""
    return _pairs(conn, "SELECT workspace_id, id FROM metering.imports_to_clean(%s, %s)", (since, most))


def _pairs(conn: Connection, query: str, values: tuple[Any, ...]) -> list[tuple[str, str]]:
    return [(str(workspace_id), str(id_)) for workspace_id, id_ in conn.execute(query.encode(), values).fetchall()]
