"""How well the mirror follows its providers: lag, gaps, dead letters, and when each type last succeeded, per connection."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, cast

from psycopg.rows import class_row
from pydantic import Field

from oppulence.connections import api as connections
from oppulence.kernel.db import Connection, fetch_rows
from oppulence.kernel.pagination import After, Page, PageQuery, paginate
from oppulence.kernel.request import Model
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import comparison_store
from oppulence.sync.comparison_store import Comparison
from oppulence.tenancy import api as tenancy

RECENT = 10_000
"""Lag and types are read from so many of the workspace's latest webhooks."""


class TypeStatus(Model):
    """The latest webhooks of one type of object."""

    type: str
    events: Annotated[int, Field(description=f"Among the workspace's latest {RECENT:,} webhooks.")]
    last_success_at: Annotated[datetime | None, Field(description="When the last one was stored and applied.")]


class GapCounts(Model):
    """Events that were missing."""

    found: int
    closed: int
    open: Annotated[int, Field(description="Found, and not to be taken in: see GET /v1/sync/gaps.")]


class SampleCounts(Model):
    """Results of the samples kept: one per type and day, of at most the last 90 days."""

    compared: int
    differing: Annotated[int, Field(description="Samples with objects missing or surplus when they were compared.")]
    repaired: Annotated[int, Field(description="Objects mended by them.")]


Standing = Literal["active", "needs_reauth", "error"]


class ConnectionStatus(Model):
    """One connection."""

    connection_id: str
    status: Standing
    reconciles: Annotated[bool, Field(description="False without an API key: gaps cannot be found then.")]
    last_event_at: Annotated[datetime | None, Field(description="When the newest stored event was created at the provider.")]
    last_received_at: datetime | None
    lag_p50_ms: Annotated[int | None, Field(description="From taken at the door to stored; null without recent webhooks.")]
    lag_p99_ms: int | None
    checked_through: Annotated[
        datetime | None, Field(description="Every event created before this was compared with the provider's own list.")
    ]
    last_reconciled_at: datetime | None
    reconciliation_error: Annotated[str | None, Field(description="What stopped the last try; null when it succeeded.")]
    events_compared: int
    gaps: GapCounts
    samples: SampleCounts
    types: list[TypeStatus]


class SyncStatus(Model):
    """The workspace's connections, and its records that could not be processed."""

    connections: list[ConnectionStatus]
    dead_letters: Annotated[int, Field(description="Webhooks and events of the mirror that wait for a decision.")]


@dataclass(slots=True)
class _Recent:
    connection_id: str
    object_type: str | None
    events: int
    last_success_at: datetime | None
    last_event_at: datetime | None
    last_received_at: datetime | None
    lag_p50_ms: int | None
    lag_p99_ms: int | None


@dataclass(slots=True)
class _Reconciled:
    connection_id: str
    checked_through: datetime | None
    last_reconciled_at: datetime | None
    reconciliation_error: str | None
    events_compared: int
    found: int
    closed: int
    open: int
    compared: int
    differing: int
    repaired: int


_NOTHING = _Reconciled("", None, None, None, 0, 0, 0, 0, 0, 0, 0)


def status(uow: UnitOfWork) -> SyncStatus:
    """The present standing of every live connection."""
    recent = _recent(uow.conn)
    reconciled = {row.connection_id: row for row in _reconciled(uow.conn)}
    rows = [
        _connection(one, [row for row in recent if row.connection_id == one.id], reconciled.get(one.id, _NOTHING))
        for one in connections.stripe_connections(uow.conn)
        if one.status != "disconnected"
    ]
    dead = tenancy.dead_letters(uow.conn, uow.scope.context)
    return SyncStatus(connections=rows, dead_letters=dead.pending + dead.retrying + dead.kept)


def _connection(one: connections.StripeConnection, recent: list[_Recent], reconciled: _Reconciled) -> ConnectionStatus:
    whole = next((row for row in recent if row.object_type is None), None)
    types = [
        TypeStatus(type=row.object_type, events=row.events, last_success_at=row.last_success_at)
        for row in recent
        if row.object_type
    ]
    return ConnectionStatus(
        connection_id=one.id, status=cast(Standing, one.status), reconciles=one.has_key,
        last_event_at=whole.last_event_at if whole else None, last_received_at=whole.last_received_at if whole else None,
        lag_p50_ms=whole.lag_p50_ms if whole else None, lag_p99_ms=whole.lag_p99_ms if whole else None,
        checked_through=reconciled.checked_through, last_reconciled_at=reconciled.last_reconciled_at,
        reconciliation_error=reconciled.reconciliation_error, events_compared=reconciled.events_compared,
        gaps=GapCounts(found=reconciled.found, closed=reconciled.closed, open=reconciled.open),
        samples=SampleCounts(compared=reconciled.compared, differing=reconciled.differing, repaired=reconciled.repaired),
        types=types,
    )  # fmt: skip


def _recent(conn: Connection) -> list[_Recent]:
    """The latest webhooks by connection (`object_type` null) and by connection and type."""
    return fetch_rows(
        conn,
        _Recent,
        """
        SELECT connection_id, CASE WHEN grouping(object_type) = 1 THEN NULL ELSE object_type END AS object_type,
               count(*) AS events, max(stored_at) FILTER (WHERE status IN ('applied', 'superseded')) AS last_success_at,
               max(created_at) AS last_event_at, max(received_at) AS last_received_at,
               (percentile_disc(0.5) WITHIN GROUP (ORDER BY lag_ms))::integer AS lag_p50_ms,
               (percentile_disc(0.99) WITHIN GROUP (ORDER BY lag_ms))::integer AS lag_p99_ms
          FROM (SELECT connection_id, object_type, status, stored_at, created_at, received_at,
                       greatest(0, least(extract(epoch FROM stored_at - received_at) * 1000, 2147483647)) AS lag_ms
                  FROM sync.raw_events ORDER BY received_at DESC, event_id DESC LIMIT %(most)s) AS r
         GROUP BY GROUPING SETS ((connection_id), (connection_id, object_type))
         ORDER BY 1, 2
        """,
        {"most": RECENT},
    )


def _reconciled(conn: Connection) -> list[_Reconciled]:
    return fetch_rows(
        conn,
        _Reconciled,
        """
        SELECT connection_id, r.checked_through, r.last_reconciled_at, r.reconciliation_error,
               coalesce(r.events_compared, 0) AS events_compared, coalesce(r.found, 0) AS found, coalesce(r.closed, 0) AS closed,
               coalesce(g.open, 0) AS open, coalesce(c.compared, 0) AS compared, coalesce(c.differing, 0) AS differing,
               coalesce(c.repaired, 0) AS repaired
          FROM (SELECT connection_id, min(checked_through) AS checked_through, min(succeeded_at) AS last_reconciled_at,
                       min(error) AS reconciliation_error, sum(events_compared)::bigint AS events_compared,
                       sum(gaps_found)::bigint AS found, sum(gaps_closed)::bigint AS closed
                  FROM sync.reconciliations GROUP BY connection_id) AS r
          FULL JOIN (SELECT connection_id, count(*) AS open FROM sync.gaps WHERE closed_at IS NULL GROUP BY connection_id) AS g
         USING (connection_id)
          FULL JOIN (SELECT connection_id, count(*) AS compared, count(*) FILTER (WHERE missing > 0 OR surplus > 0) AS differing,
                            sum(repaired)::bigint AS repaired
                       FROM sync.comparisons GROUP BY connection_id) AS c
         USING (connection_id)
        """,
        {},
    )


class SyncGap(Model):
    """An event that the provider has and that did not come in by itself."""

    id: Annotated[str, Field(description="The provider's event id.")]
    connection_id: str
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    type: str
    created_at: datetime
    found_at: datetime
    closed_at: Annotated[datetime | None, Field(description="When it was taken in; null while it cannot be: see `error`.")]
    error: str | None


class GapQuery(PageQuery):
    """Filters of gaps."""

    connection_id: Annotated[str | None, Field(max_length=64, description="Only this connection's.")] = None
    open: Annotated[bool | None, Field(description="Only those that could not be closed, or only those that were.")] = None


def list_gaps(uow: UnitOfWork, query: GapQuery) -> Page[SyncGap]:
    """Gaps, the last found first."""
    return paginate(uow, query, lambda after, most: _gaps(uow.conn, query, after, most), key=lambda one: (one.found_at, one.id))


def _gaps(conn: Connection, query: GapQuery, after: After | None, most: int) -> list[SyncGap]:
    with conn.cursor(row_factory=class_row(SyncGap)) as cur:
        return cur.execute(
            """
            SELECT event_id AS id, connection_id, nullif(account, '') AS account, type, created_at, found_at, closed_at, error
              FROM sync.gaps
             WHERE (%(connection)s::text IS NULL OR connection_id = %(connection)s)
               AND (%(open)s::boolean IS NULL OR (closed_at IS NULL) = %(open)s)
               AND (%(at)s::timestamptz IS NULL OR (found_at, event_id) < (%(at)s, %(id)s))
             ORDER BY found_at DESC, event_id DESC LIMIT %(most)s
            """,
            {
                "connection": query.connection_id, "open": query.open, "at": after and after[0], "id": after and after[1],
                "most": most,
            },
        ).fetchall()  # fmt: skip


class ComparisonQuery(PageQuery):
    """Filters of samples."""

    connection_id: Annotated[str | None, Field(max_length=64, description="Only this connection's.")] = None
    object_type: Annotated[str | None, Field(max_length=255, description="Only this type, such as `invoice`.")] = None


def list_comparisons(uow: UnitOfWork, query: ComparisonQuery) -> Page[Comparison]:
    """Samples, the last compared first."""
    only = (query.connection_id, query.object_type)
    return paginate(
        uow, query, lambda after, most: comparison_store.page(uow.conn, only, after, most),
        key=lambda one: (one.compared_at, one.connection_id, one.account, one.object_type, one.day),
    )  # fmt: skip
