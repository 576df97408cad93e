"""Statements on exports. Row-level security supplies the workspace."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.metering.exports.models import Export, ExportQuery, File, Status

LEASE_S = 300
"""How long whoever writes an export's files has it for itself: longer than a function lives."""

AWAITED_S = 6 * 3600
"""How long an export waits for a batch to land: much longer than anything takes but a dead letter, or an outage."""

_EXPORTS = """
    SELECT id, schedule_id, kind, format, selection, since, until, every, time_zone, next_at, status, settlement, as_of, cursor,
           files, rows, bytes, done, total, manifest_sha256, error, failures, requested_at, ended_at
      FROM metering.exports
"""


def insert(conn: Connection, workspace_id: str, export: Export, awaits: Collection[str] = ()) -> bool:
    """Save a new export or schedule; False when the schedule has exported that period already. `awaits`: ids of batches."""
    selection = Jsonb(export.selection.model_dump(mode="json"))
    values = export.model_dump() | {"selection": selection, "workspace_id": workspace_id, "awaits": list(awaits)}
    done = conn.execute(
        """
        INSERT INTO metering.exports (workspace_id, id, schedule_id, kind, format, selection, since, until, every, time_zone,
                                      next_at, status, requested_at, awaits)
        VALUES (%(workspace_id)s, %(id)s, %(schedule_id)s, %(kind)s, %(format)s, %(selection)s, %(since)s, %(until)s, %(every)s,
                %(time_zone)s, %(next_at)s, %(status)s, %(requested_at)s, %(awaits)s)
        ON CONFLICT (workspace_id, schedule_id, since) WHERE schedule_id IS NOT NULL DO NOTHING
        """,
        values,
    )
    return done.rowcount == 1


def fetch(conn: Connection, export_id: str, *, lock: bool = False) -> Export | None:
    """An export or schedule; locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(Export)) as cur:
        return cur.execute(f"{_EXPORTS} WHERE id = %s{' FOR UPDATE' if lock else ''}".encode(), (export_id,)).fetchone()


def page(conn: Connection, query: ExportQuery, after: After | None, most: int) -> list[Export]:
    """Exports, the latest first."""
    values: dict[str, Any] = query.model_dump(include={"status", "kind", "schedule_id"})
    values |= {"at": after and after[0], "id": after and after[1], "most": most}
    with conn.cursor(row_factory=class_row(Export)) as cur:
        return cur.execute(
            f"""
            {_EXPORTS}
             WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
               AND (%(schedule_id)s::text IS NULL OR schedule_id = %(schedule_id)s)
               AND (%(at)s::timestamptz IS NULL OR (requested_at, id) < (%(at)s, %(id)s))
             ORDER BY requested_at DESC, id DESC LIMIT %(most)s
            """.encode(),
            values,
        ).fetchall()


def count(conn: Connection, workspace_id: str, status: Status) -> int:
    """How many exports are in a state; requests of one workspace take turns with it, so that they can be counted."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('metering.exports:' || %s, 0))", (workspace_id,))
    row = conn.execute("SELECT count(*) FROM metering.exports WHERE status = %s", (status,)).fetchone()
    return int(str(row[0])) if row else 0


def delete(conn: Connection, export_id: str) -> None:
    """Delete an export and what is noted of its files."""
    conn.execute("DELETE FROM metering.exports WHERE id = %s", (export_id,))


def files(conn: Connection, export_id: str) -> list[File]:
    """The files of an export that were noted, in order."""
    with conn.cursor(row_factory=class_row(File)) as cur:
        return cur.execute(
            "SELECT number, rows, bytes, sha256 FROM metering.export_files WHERE export_id = %s ORDER BY number", (export_id,)
        ).fetchall()


def delete_all(conn: Connection) -> None:
    """Delete all exports and schedules of the workspace."""
    conn.execute("DELETE FROM metering.exports")


def claim(conn: Connection, export_id: str) -> Export | None:
    """Take an export that runs and that nobody works on; None if there is no such one."""
    with conn.cursor(row_factory=class_row(Export)) as cur:
        return cur.execute(
            """
            UPDATE metering.exports
               SET held_until = clock_timestamp() + make_interval(secs => %s), touched_at = clock_timestamp()
             WHERE id = %s AND status = 'running' AND held_until < clock_timestamp()
            RETURNING id, schedule_id, kind, format, selection, since, until, every, time_zone, next_at, status, settlement,
                      as_of, cursor, files, rows, bytes, done, total, manifest_sha256, error, failures, requested_at, ended_at
            """,
            (LEASE_S, export_id),
        ).fetchone()


def waits(conn: Connection, export_id: str) -> bool:
    """Whether something that a schedule's export waits for is not settled: what had landed when it was made, or was on its way.

    What has not landed after `AWAITED_S` is waited for no longer.
    """
    row = conn.execute(
        """
        WITH place AS MATERIALIZED (
          SELECT w.workspace_id, metering.last_settled(w.shard) AS settled FROM metering.workspaces w
        )
        SELECT EXISTS (SELECT FROM place p
                         JOIN metering.batches b
                           ON b.workspace_id = p.workspace_id AND (b.settlement IS NULL OR b.settlement > p.settled)
                        WHERE b.landed_at < e.made_at OR b.id = ANY (e.awaits))
               OR e.made_at > clock_timestamp() - make_interval(secs => %s)
                  AND NOT e.awaits <@ ARRAY(SELECT b.id FROM metering.batches b WHERE b.id = ANY (e.awaits))
          FROM metering.exports e WHERE e.id = %s AND e.schedule_id IS NOT NULL
        """,
        (AWAITED_S, export_id),
    ).fetchone()
    return bool(row and row[0])


def begin(conn: Connection, export: Export) -> None:
    """Say once and for all what the export holds, and how much that is."""
    conn.execute(
        "UPDATE metering.exports SET settlement = %s, as_of = %s, total = %s, cursor = %s WHERE id = %s AND settlement IS NULL",
        (export.settlement, export.as_of, export.total, _json(export.cursor), export.id),
    )


def note_file(conn: Connection, workspace_id: str, export: Export, file: File, after: Mapping[str, Any]) -> bool:
    """Note a file that was written, and where the next one begins; False when the export is gone or somebody else's."""
    moved = conn.execute(
        """
        UPDATE metering.exports
           SET cursor = %(cursor)s, files = %(number)s, rows = rows + %(rows)s, bytes = bytes + %(bytes)s, done = %(done)s,
               failures = 0, error = NULL, touched_at = clock_timestamp(),
               held_until = clock_timestamp() + make_interval(secs => %(lease)s)
         WHERE id = %(id)s AND status = 'running' AND files = %(number)s - 1
        """,
        {
            "id": export.id, "cursor": _json(after["cursor"]), "done": after["done"], "number": file.number, "rows": file.rows,
            "bytes": file.bytes, "lease": LEASE_S,
        },
    ).rowcount == 1  # fmt: skip
    if moved:
        conn.execute(
            "INSERT INTO metering.export_files (workspace_id, export_id, number, rows, bytes, sha256)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (workspace_id, export.id, file.number, file.rows, file.bytes, file.sha256),
        )
    return moved


def let_go(conn: Connection, export_id: str) -> None:
    """Let somebody else go on with it."""
    conn.execute(
        "UPDATE metering.exports SET held_until = '-infinity', touched_at = clock_timestamp() WHERE id = %s", (export_id,)
    )


def note_failure(conn: Connection, export_id: str, error: str) -> int:
    """Count a failure of an export that runs, and let go of it; returns how many there were in a row."""
    row = conn.execute(
        """
        UPDATE metering.exports
           SET failures = failures + 1, error = %s, held_until = '-infinity', touched_at = clock_timestamp()
         WHERE id = %s AND status = 'running' RETURNING failures
        """,
        (error, export_id),
    ).fetchone()
    return int(str(row[0])) if row else 0


def end(conn: Connection, export_id: str, status: Status, at: datetime, **said: str | None) -> bool:
    """End an export that runs; `manifest_sha256` or `error` says more. False when it does not run."""
    done = conn.execute(
        """
        UPDATE metering.exports
           SET status = %(status)s, ended_at = %(at)s, error = %(error)s, manifest_sha256 = %(sha256)s,
               held_until = '-infinity', touched_at = clock_timestamp()
         WHERE id = %(id)s AND status = 'running'
        """,
        {"id": export_id, "status": status, "at": at, "error": said.get("error"), "sha256": said.get("manifest_sha256")},
    )
    return done.rowcount == 1


def to_start(conn: Connection, at: datetime, most: int) -> list[tuple[str, str]]:
    """(workspace, schedule) whose next period ended by an instant, the longest waiting first."""
    rows: list[tuple[str, str]] = conn.execute(  # type: ignore[assignment]
        "SELECT workspace_id, id FROM metering.exports_to_start(%s, %s)", (at, most)
    ).fetchall()
    return rows


def left_behind(conn: Connection, most: int) -> list[tuple[str, str]]:
    """(workspace, export) that run and that nobody has worked on for a while."""
    rows: list[tuple[str, str]] = conn.execute(  # type: ignore[assignment]
        "SELECT workspace_id, id FROM metering.exports_left_behind(%s)", (most,)
    ).fetchall()
    return rows


def move_schedule(conn: Connection, export_id: str, next_at: datetime) -> None:
    """Say when a schedule's next period ends."""
    conn.execute("UPDATE metering.exports SET next_at = %s, touched_at = clock_timestamp() WHERE id = %s", (next_at, export_id))


def _json(value: dict[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(value)
