"""Asking for backfills, looking at them, and stopping them."""

import math
from collections.abc import Sequence
from typing import Any

from oppulence.connections import api as connections
from oppulence.connections.api import StripeConnection
from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound
from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import ending, progress, store
from oppulence.sync.backfill.models import (
    BackfillQuery,
    BackfillSummary,
    BackfillView,
    CreatedRange,
    NewBackfill,
    NewTransactionsSync,
    Source,
    State,
    Status,
)
from oppulence.sync.errors import BackfillNotFound, BackfillOver, TooManyBackfills, UnknownObjectType
from oppulence.sync.events import BackfillRequested
from oppulence.sync.object_types import LISTED, MONEY_MOVEMENTS
from oppulence.sync.store import workspace_mode

LIVE_PER_SECOND, TEST_PER_SECOND = 25.0, 6.0
"""A quarter of Stripe's limits, 100 and 25 requests a second: the workspace's own requests keep the rest."""

_LIMITS = {Source.BACKFILL: (5, 0), Source.TRANSACTIONS: (2, 60)}
"""How many may run at once in a workspace, and how many seconds must lie between two requests."""

_RETRY_WHEN_RUNNING_S = 60


def request(uow: UnitOfWork, body: NewBackfill) -> BackfillView:
    """Ask for a backfill; machines start with the event.

    Raises:
        ConnectionNotFound, ConnectionHasNoKey: there is nobody to ask at Stripe.
        UnknownObjectType: names that Stripe does not list.
        InvalidRange: a range that holds nothing.
        TooManyBackfills: too many run already.
    """
    start, end = body.created.bounds() if body.created else (None, None)
    accounts = sorted({"" if one == "self" else one for one in body.accounts})
    row = {
        "created_from": start, "created_until": end, "accounts": accounts, "connected": body.connected_accounts,
        "per_second": body.requests_per_second, "with_related": body.include_related, "source": Source.BACKFILL,
    }  # fmt: skip
    return _insert(uow, row, _types(body), _connection(uow, body.connection_id))


def sync_transactions(uow: UnitOfWork, body: NewTransactionsSync) -> BackfillView:
    """Ask for the money movements of a window.

    Raises:
        as `request`.
    """
    start, end = CreatedRange(gte=body.since, lt=body.until).bounds()
    row = {
        "created_from": start, "created_until": end, "accounts": [""], "connected": False,
        "per_second": body.requests_per_second, "with_related": False, "source": Source.TRANSACTIONS,
    }  # fmt: skip
    return _insert(uow, row, MONEY_MOVEMENTS, _connection(uow, body.connection_id))


def get(uow: UnitOfWork, backfill_id: str) -> BackfillView:
    """A backfill and the progress of its types.

    Raises:
        BackfillNotFound: the workspace has none of this id.
    """
    found = store.fetch(uow.conn, backfill_id)
    if found is None:
        raise _unknown(backfill_id)
    return progress.view(found, store.types(uow.conn, backfill_id), uow.now)


def list_backfills(uow: UnitOfWork, query: BackfillQuery) -> Page[BackfillSummary]:
    """Backfills, the latest first."""
    return paginate(
        uow, query, lambda after, most: [progress.summary(one) for one in store.page(uow.conn, query, after, most)],
        key=lambda one: (one.requested_at, one.id),
    )  # fmt: skip


def cancel(uow: UnitOfWork, backfill_id: str) -> BackfillView:
    """Stop a backfill: what is written stays, nothing more is. One that was cancelled already stays so.

    Raises:
        BackfillNotFound: the workspace has none of this id.
        BackfillOver: it is over.
    """
    found = store.fetch(uow.conn, backfill_id, lock=True)
    if found is None:
        raise _unknown(backfill_id)
    if found.status not in (Status.RUNNING, Status.CANCELLED):
        raise BackfillOver(f"The backfill has ended: {found.status}.")
    if found.status == Status.RUNNING:
        ending.end_types(uow, backfill_id, None, State.CANCELLED)
        uow.audit("sync.backfill.cancelled", "backfill", backfill_id)
    return get(uow, backfill_id)


def _insert(uow: UnitOfWork, row: dict[str, Any], types: Sequence[str], connection: StripeConnection) -> BackfillView:
    _check_limit(uow, row["source"])
    mode = workspace_mode(uow.conn, uow.workspace_id)
    own = {
        "id": new_id("bf"), "requested_at": uow.now, "connection_id": connection.id,
        "bucket": connection.account or connection.id,
        "per_second": row["per_second"] or (LIVE_PER_SECOND if mode == "live" else TEST_PER_SECOND),
    }  # fmt: skip
    row = row | own
    if row["connected"] and "account" not in types:
        types = ["account", *types]
    store.insert(uow.conn, uow.workspace_id, row, types)
    uow.emit(BackfillRequested(backfill_id=row["id"], connection_id=connection.id, object_types=list(types)))
    asked = {
        name: row[name] for name in ("connection_id", "created_from", "created_until", "accounts", "connected", "per_second")
    }
    uow.audit("sync.backfill.requested", "backfill", row["id"], after=asked | {"object_types": list(types)})
    return get(uow, row["id"])


def _check_limit(uow: UnitOfWork, source: Source) -> None:
    most, interval_s = _LIMITS[source]
    store.one_at_a_time(uow.conn, uow.workspace_id)
    running, age_s = store.running(uow.conn, source, uow.now)
    if running >= most:
        raise TooManyBackfills(
            f"{running} backfills of this kind are running; {most} may. Wait for one to end, or cancel it.",
            retry_after=_RETRY_WHEN_RUNNING_S,
        )
    if age_s is not None and age_s < interval_s:
        wait_s = math.ceil(interval_s - age_s)
        raise TooManyBackfills(f"One every {interval_s} s is enough: ask again in {wait_s} s.", retry_after=wait_s)


def _connection(uow: UnitOfWork, connection_id: str | None) -> StripeConnection:
    found = connections.stripe_connections(uow.conn)
    with_key = [one for one in found if one.has_key]
    if connection_id is None:
        if len(with_key) != 1:
            raise ConnectionNotFound(f"{len(with_key)} connections to Stripe have a key: name one.", param="connection_id")
        return with_key[0]
    one = next((one for one in found if one.id == connection_id), None)
    if one is None:
        raise ConnectionNotFound("This workspace has no such connection to Stripe.", param="connection_id")
    if not one.has_key:
        raise ConnectionHasNoKey("The connection has no API key: objects cannot be listed.", param="connection_id")
    return one


def _types(body: NewBackfill) -> list[str]:
    """The wanted types, parents before their children."""
    unknown = sorted(set(body.object_types or ()) - set(LISTED))
    if unknown:
        raise UnknownObjectType(f"Stripe lists no type named {', '.join(unknown)}.", param="object_types", unknown=unknown)
    return [name for name in LISTED if body.object_types is None or name in body.object_types]


def _unknown(backfill_id: str) -> BackfillNotFound:
    return BackfillNotFound(f"This workspace has no backfill {backfill_id}.")
