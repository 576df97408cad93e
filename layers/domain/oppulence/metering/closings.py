"""Hours are closed some minutes after their end: what usage each meter had in them is told, once.

A workspace's hours are closed in order, and never opened again: what comes later for one is not told. Hours in which nothing
came for any meter are closed with the next one; those before the workspace's first meter was made are never told. An hour stays
open while something that landed long enough ago is not settled, or earlier usage is being counted for a meter, or something waits
in the queue that was sent before the hour was to be closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from oppulence.kernel import clock, olap, telemetry
from oppulence.kernel.db import Connection
from oppulence.kernel.errors import Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import query, sent_gateway
from oppulence.metering import store as meters_store
from oppulence.metering.events import UsageWindowClosed
from oppulence.metering.models import digits
from oppulence.metering.query import Question
from oppulence.metering.snapshots import snapshot, whole
from oppulence.metering.windows import WindowSize

GRACE = timedelta(minutes=10)
"""How late usage may come and be in what is told of its hour."""

SETTLES_IN = timedelta(minutes=2)
"""What landed longer ago than that is settled, before an hour is closed."""

WAITS = timedelta(hours=6)
"""How long hours wait for what was sent: whoever is called has mended what keeps it from landing by then. Longer than that only a
dead letter stays away, which must not keep a workspace's hours for ever.
"""

HOURS_AT_ONCE = 24 * 31
_MOST = 1000
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Closing:
    """Hours of a workspace to be closed, and by when usage was settled that is told."""

    since: datetime
    until: datetime
    settled: int


def close(scope: Scope) -> dict[str, int]:
    """Close the hours that are over, of all workspaces. `scope` has no workspace."""
    done = {"workspaces": 0, "told": 0, "failed": 0}

    def due(uow: UnitOfWork) -> tuple[datetime, list[tuple[str, datetime]]]:
        end = (uow.now - GRACE).replace(minute=0, second=0, microsecond=0)
        return end, _to_close(uow.conn, end, clock.real_now() - SETTLES_IN)

    end, found = in_transaction(scope, due)
    for workspace_id, closed_until in found:
        try:
            done["told"] += close_workspace(Scope(scope.context, workspace_id), closed_until, end)
            done["workspaces"] += 1
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - told, counted, and tried again at the next run
            done["failed"] += 1
            telemetry.logger().error("hours_not_closed", exc_info=error, extra={"workspace_id": workspace_id})
    return done


def close_workspace(scope: Scope, closed_until: datetime, end: datetime) -> int:
    """Close a workspace's hours up to an instant, or up to an earlier one for which they wait; returns how many quantities were
    told. None, while something is on its way that was sent by then, or nobody can know.
    """
    told, sent = 0, sent_gateway.last(scope.workspace_id or "")
    if sent == sent_gateway.UNKNOWN:
        return 0
    in_transaction(scope, lambda uow: _note(uow, (closed_until, end), sent))
    end, settled = in_transaction(scope, _arrived) or (closed_until, 0)
    while closed_until < end:
        closing = _Closing(closed_until, min(end, closed_until + HOURS_AT_ONCE * _HOUR), settled)
        with whole(scope):
            facts = _facts(scope, closing)
        told += in_transaction(scope, lambda uow: _tell(uow, closing, facts))  # noqa: B023
        closed_until = closing.until
    return told


def erase_workspace(uow: UnitOfWork) -> None:
    """Forget which hours were closed. Repeating it is harmless."""
    uow.conn.execute("DELETE FROM metering.closed_hours")


def _note(uow: UnitOfWork, hours: tuple[datetime, datetime], sent: Sequence[str]) -> None:
    """Say that hours are to be closed, and what was sent by now, unless the workspace waits to close others."""
    uow.conn.execute(
        """
        INSERT INTO metering.closed_hours AS c (workspace_id, closed_until, closing_until, awaits, noted_at)
        VALUES (%s, %s, %s, %s, clock_timestamp())
        ON CONFLICT (workspace_id) DO UPDATE
           SET closing_until = excluded.closing_until, awaits = excluded.awaits, noted_at = excluded.noted_at
         WHERE c.closing_until IS NULL OR c.closing_until <= c.closed_until
        """,
        (uow.workspace_id, *hours, list(sent)),
    )


def _arrived(uow: UnitOfWork) -> tuple[datetime, int] | None:
    """Up to when hours can be closed, and what is settled; None while what was noted as sent is not."""
    settled = snapshot(uow.conn).settled
    row = uow.conn.execute(
        """
        SELECT c.closing_until FROM metering.closed_hours c
         WHERE c.noted_at < clock_timestamp() - %s::interval OR cardinality(c.awaits) <= (
                 SELECT count(*) FROM metering.batches b WHERE b.id = ANY (c.awaits) AND b.settlement <= %s)
        """,
        (WAITS, settled),
    ).fetchone()
    return None if row is None else (row[0], settled)  # type: ignore[return-value]


def _facts(scope: Scope, closing: _Closing) -> list[UsageWindowClosed]:
    """What is to be told, by hour and meter."""
    used = _used(scope, closing)
    facts = []
    for meter_id in sorted({meter_id for meter_id, _ in used}):
        meter = in_transaction(scope, lambda uow: meters_store.get(uow.conn, meter_id))  # noqa: B023
        if meter is None:
            continue  # deleted meanwhile
        question = Question(meter_id, closing.since, closing.until, WindowSize.HOUR, as_of=closing.settled)
        for row in query.answer(scope, question).rows:
            if (meter_id, row.window_start) in used:
                facts.append(
                    UsageWindowClosed(
                        meter_id=meter_id, slug=meter.slug, window_start=row.window_start, window_end=row.window_end,
                        quantity=None if row.value is None else digits(row.value), settlement=closing.settled,
                    )
                )  # fmt: skip
    return sorted(facts, key=lambda fact: (fact.window_start, fact.meter_id))


def _used(scope: Scope, closing: _Closing) -> set[tuple[str, datetime]]:
    """Meters with usage, and the hours in which they had it."""
    rows = olap.query(
        """
        SELECT DISTINCT meter, intDiv(toUnixTimestamp64Micro(time), 3600000000) FROM usage_values
         WHERE workspace_id = {workspace_id:String} AND settlement <= {settled:UInt64}
           AND time >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
           AND time < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')
        """,
        {
            "workspace_id": scope.workspace_id, "settled": closing.settled,
            "since_us": int(closing.since.timestamp()) * 1_000_000, "until_us": int(closing.until.timestamp()) * 1_000_000,
        },
    )  # fmt: skip
    return {(str(meter), datetime.fromtimestamp(int(hour) * 3600, UTC)) for meter, hour in rows}


def _tell(uow: UnitOfWork, closing: _Closing, facts: Sequence[UsageWindowClosed]) -> int:
    """Close the hours and tell of them, unless somebody else did meanwhile."""
    moved = uow.conn.execute(
        """
        INSERT INTO metering.closed_hours AS c (workspace_id, closed_until) VALUES (%(workspace_id)s, %(until)s)
        ON CONFLICT (workspace_id) DO UPDATE SET closed_until = excluded.closed_until WHERE c.closed_until = %(since)s
        """,
        {"workspace_id": uow.workspace_id, "since": closing.since, "until": closing.until},
    ).rowcount
    for fact in facts if moved else ():
        uow.emit(fact)
    return len(facts) if moved else 0


def _to_close(conn: Connection, end: datetime, landed_by: datetime) -> list[tuple[str, datetime]]:
    rows: list[tuple[str, datetime]] = conn.execute(  # type: ignore[assignment]
        "SELECT workspace_id, closed_until FROM metering.workspaces_with_hours_to_close(%s, %s, %s)", (end, landed_by, _MOST)
    ).fetchall()
    return rows
