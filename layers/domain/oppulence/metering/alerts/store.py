"""Statements on alerts. Row-level security supplies the workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row

from oppulence.kernel.db import Connection
from oppulence.kernel.pagination import After
from oppulence.metering.alerts.models import Alert, AlertQuery, Hit

_ALERTS = """
    SELECT a.id, a.name, a.meter_id, m.slug, m.carry_over, m.archived_at AS meter_archived_at, a.subject, a.customer_id, a.period,
           a.time_zone, a.threshold, a.percent, a.of_quantity, a.rearm_below, a.revision, a.threshold_revision,
           a.threshold_set_at, a.looked, a.look_again_at, a.reached_at, a.created_at, a.updated_at
      FROM metering.alerts a JOIN metering.meters m ON m.workspace_id = a.workspace_id AND m.id = a.meter_id
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settlement did for the workspace: it settled batches, or counted earlier events for a meter."""

    settlement: int
    batch_ids: list[str]
    filled_meter_id: str | None


def insert(conn: Connection, workspace_id: str, alert: Alert) -> None:
    """Save a new alert."""
    conn.execute(
        """
        INSERT INTO metering.alerts (workspace_id, id, name, meter_id, subject, customer_id, period, time_zone, threshold,
                                     percent, of_quantity, rearm_below, revision, threshold_revision, threshold_set_at,
                                     created_at, updated_at)
        VALUES (%(workspace_id)s, %(id)s, %(name)s, %(meter_id)s, %(subject)s, %(customer_id)s, %(period)s, %(time_zone)s,
                %(threshold)s, %(percent)s, %(of_quantity)s, %(rearm_below)s, %(revision)s, %(threshold_revision)s,
                %(threshold_set_at)s, %(created_at)s, %(updated_at)s)
        """,
        alert.model_dump() | {"workspace_id": workspace_id},
    )


def save(conn: Connection, alert: Alert) -> None:
    """Save what changed of an alert, whose row the caller has locked."""
    conn.execute(
        """
        UPDATE metering.alerts
           SET name = %(name)s, threshold = %(threshold)s, percent = %(percent)s, of_quantity = %(of_quantity)s,
               rearm_below = %(rearm_below)s, revision = %(revision)s, threshold_revision = %(threshold_revision)s,
               threshold_set_at = %(threshold_set_at)s, looked = %(looked)s, look_again_at = %(look_again_at)s,
               updated_at = %(updated_at)s
         WHERE id = %(id)s
        """,
        alert.model_dump(),
    )


def fetch(conn: Connection, alert_id: str, *, lock: bool = False) -> Alert | None:
    """An alert; locked for the transaction if asked."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(f"{_ALERTS} WHERE a.id = %s{' FOR UPDATE OF a' if lock else ''}".encode(), (alert_id,)).fetchone()


def page(conn: Connection, query: AlertQuery, after: After | None, most: int) -> list[Alert]:
    """Alerts, the newest first."""
    values: dict[str, Any] = query.model_dump(include={"meter_id", "subject", "customer_id"})
    values |= {"at": after and after[0], "id": after and after[1], "most": most}
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(
            f"""
            {_ALERTS}
             WHERE (%(meter_id)s::text IS NULL OR a.meter_id = %(meter_id)s)
               AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
               AND (%(customer_id)s::text IS NULL OR a.customer_id = %(customer_id)s)
               AND (%(at)s::timestamptz IS NULL OR (a.created_at, a.id) < (%(at)s, %(id)s))
             ORDER BY a.created_at DESC, a.id DESC LIMIT %(most)s
            """.encode(),
            values,
        ).fetchall()


def to_look_at(conn: Connection) -> list[Alert]:
    """All alerts of the workspace, but for those whose meters still count earlier usage."""
    with conn.cursor(row_factory=class_row(Alert)) as cur:
        return cur.execute(
            f"""
            {_ALERTS}
             WHERE NOT EXISTS (SELECT FROM metering.meter_versions v
                                WHERE v.workspace_id = a.workspace_id AND v.meter_id = a.meter_id
                                  AND (v.filled IS NULL OR v.filled_to < v.filled))
             ORDER BY a.id
            """.encode()
        ).fetchall()


def count(conn: Connection, workspace_id: str) -> int:
    """How many alerts there are; requests of one workspace take turns with it, so that they can be counted."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('metering.alerts:' || %s, 0))", (workspace_id,))
    row = conn.execute("SELECT count(*) FROM metering.alerts").fetchone()
    return int(str(row[0])) if row else 0


def delete(conn: Connection, alert_id: str) -> bool:
    """Delete an alert with what is kept of its hits; False when there is none."""
    return conn.execute("DELETE FROM metering.alerts WHERE id = %s", (alert_id,)).rowcount == 1


def delete_all(conn: Connection) -> None:
    """Delete all alerts of the workspace, with their hits."""
    conn.execute("DELETE FROM metering.alerts")


def workspaces_to_look_at(conn: Connection, at: datetime, most: int) -> list[str]:
    """Workspaces whose alerts have something to look at, those first that were looked at longest ago."""
    rows = conn.execute("SELECT workspace_id FROM metering.workspaces_with_alerts_to_look_at(%s, %s)", (at, most)).fetchall()
    return [str(row[0]) for row in rows]


def note_look(conn: Connection) -> None:
    """Say that a look at the workspace's alerts begins: it has had its turn."""
    conn.execute("UPDATE metering.workspaces SET alerts_looked_at = clock_timestamp()")


def settled_after(conn: Connection, after: int, most_batches: int) -> list[Settled]:
    """What was settled after a number, oldest first, so many batches or a little more; at least one settlement, if there is."""
    rows = conn.execute(
        "SELECT settlement, coalesce(batch_ids, '{}'), filled_meter_id FROM metering.settled_after(%s, %s)", (after, most_batches)
    ).fetchall()
    return [Settled(int(str(number)), list(ids), meter) for number, ids, meter in rows]  # type: ignore[arg-type, call-overload]


def lock_unchanged(conn: Connection, seen: Sequence[Alert]) -> set[str]:
    """Lock those of some alerts that are as they were seen, so that nobody else tells of them meanwhile; returns their ids."""
    rows = conn.execute(
        """
        SELECT a.id FROM metering.alerts a
          JOIN unnest(%s::text[], %s::integer[], %s::bigint[]) AS s (id, revision, looked) USING (id)
         WHERE a.revision = s.revision AND a.looked IS NOT DISTINCT FROM s.looked ORDER BY a.id FOR UPDATE OF a
        """,
        ([one.id for one in seen], [one.revision for one in seen], [one.looked for one in seen]),
    ).fetchall()
    return {str(row[0]) for row in rows}


def mark_looked(conn: Connection, seen: Sequence[tuple[Alert, datetime | None]], settlement: int) -> None:
    """Say of alerts that are as they were seen that they were looked at, and when they are to be looked at without any usage."""
    conn.execute(
        """
        UPDATE metering.alerts a SET looked = greatest(a.looked, %s), look_again_at = s.again
          FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::timestamptz[]) AS s (id, revision, looked, again)
         WHERE a.id = s.id AND a.revision = s.revision AND a.looked IS NOT DISTINCT FROM s.looked
        """,
        (
            settlement, [one.id for one, _ in seen], [one.revision for one, _ in seen], [one.looked for one, _ in seen],
            [again for _, again in seen],
        ),
    )  # fmt: skip


def hits(conn: Connection, alert: Alert, who: Sequence[str]) -> dict[str, list[Hit]]:
    """What was told for the alert's present threshold, of some subjects or customers, in the order of telling."""
    with conn.cursor(row_factory=class_row(Hit)) as cur:
        rows = cur.execute(
            """
            SELECT who, number, nullif(period_start, '-infinity') AS period_start, rearmed_at FROM metering.alert_hits
             WHERE alert_id = %s AND threshold_revision = %s AND who = ANY (%s) ORDER BY who, number
            """,
            (alert.id, alert.threshold_revision, list(who)),
        ).fetchall()
    found: dict[str, list[Hit]] = {}
    for row in rows:
        found.setdefault(row.who, []).append(row)
    return found


def rearm(conn: Connection, alert: Alert, hit: Hit, at: datetime) -> None:
    """Say that the quantity was seen below the lower bound after a hit."""
    conn.execute(
        """
        UPDATE metering.alert_hits SET rearmed_at = %s
         WHERE alert_id = %s AND threshold_revision = %s AND who = %s AND number = %s
        """,
        (at, alert.id, alert.threshold_revision, hit.who, hit.number),
    )


def insert_hit(conn: Connection, workspace_id: str, alert: Alert, hit: Hit, told: tuple[Decimal, int, datetime]) -> None:
    """Note a hit, with its (quantity, settlement, instant)."""
    conn.execute(
        """
        INSERT INTO metering.alert_hits (workspace_id, alert_id, threshold_revision, who, number, period_start, quantity,
                                         settlement, reached_at)
        VALUES (%s, %s, %s, %s, %s, coalesce(%s::timestamptz, '-infinity'), %s, %s, %s)
        """,
        (workspace_id, alert.id, alert.threshold_revision, hit.who, hit.number, hit.period_start, *told),
    )
    conn.execute("UPDATE metering.alerts SET reached_at = %s WHERE id = %s", (told[2], alert.id))
