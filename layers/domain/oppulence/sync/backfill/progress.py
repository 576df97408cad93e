"""How far a backfill is, for people."""

from collections.abc import Sequence
from datetime import datetime

from oppulence.sync.backfill.models import (
    Backfill,
    BackfillSummary,
    BackfillView,
    CreatedRange,
    Remaining,
    Source,
    State,
    Status,
    TypeProgress,
    TypeRow,
)
from oppulence.sync.object_types import TYPES


def summary(one: Backfill) -> BackfillSummary:
    """A backfill without its types."""
    return BackfillSummary(
        id=one.id, connection_id=one.connection_id, source=Source(one.source), status=Status(one.status),
        created=CreatedRange(gte=one.created_from, lt=one.created_until), connected_accounts=one.connected,
        accounts=[account or "self" for account in one.accounts], requests_per_second=one.per_second,
        include_related=one.with_related, requested_at=one.requested_at, ended_at=one.ended_at, rows_listed=one.rows_listed,
        rows_changed=one.rows_changed,
    )  # fmt: skip


def view(one: Backfill, types: Sequence[TypeRow], now: datetime) -> BackfillView:
    """A backfill and its types."""
    return BackfillView(**dict(summary(one)), types=[_progress(one, row, now) for row in types])


def _progress(backfill: Backfill, row: TypeRow, now: datetime) -> TypeProgress:
    seconds = ((row.ended_at or now) - row.started_at).total_seconds() if row.started_at else 0.0
    return TypeProgress(
        type=row.type, state=State(row.state), pages=row.pages, rows_listed=row.rows_listed, rows_changed=row.rows_changed,
        rows_per_second=round(row.rows_listed / seconds, 1) if seconds > 0 else None,
        account=None if row.account is None else row.account or "self", reached=row.reached,
        remaining=_remaining(backfill, row), related_fetched=row.related_fetched, related_missing=row.related_missing,
        error=row.reason, executions=row.executions, started_at=row.started_at, ended_at=row.ended_at,
    )  # fmt: skip


def _remaining(backfill: Backfill, row: TypeRow) -> Remaining:
    """What is to come, if it is as dense as what came: lists run backwards in time to the range's start."""
    if row.is_over:
        return Remaining(rows=0, reason=None)
    if row.reached is None or row.rows_listed == 0:
        return Remaining(rows=None, reason="nothing was listed yet")
    if TYPES[row.type].parent or len(backfill.accounts) > 1 or backfill.connected:
        return Remaining(rows=None, reason="it is listed by parent or account, and nobody knows how many rows each has")
    if backfill.created_from is None:
        return Remaining(rows=None, reason="the range has no start, and Stripe does not say how far back a list goes")
    passed = ((backfill.created_until or backfill.requested_at) - row.reached).total_seconds()
    left = max(0.0, (row.reached - backfill.created_from).total_seconds())
    if passed <= 0:
        return Remaining(rows=None, reason="everything so far was created in the same second")
    return Remaining(rows=round(row.rows_listed * left / passed), reason=None)
