"""Stored webhooks as rows of the analytical `events` table. The table keeps one row an event, so copying again is harmless."""

from collections.abc import Sequence

from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.sync import raw_store
from oppulence.sync.events import EventsStored
from oppulence.sync.raw_store import EventKey
from oppulence.sync.stripe_events import read, storable

_COLUMNS = (
    "workspace_id", "event_id", "account", "event_type", "event_source", "entity_type", "entity_id", "data", "event_timestamp",
    "version",
)  # fmt: skip


def copy_events(workspace_id: str, announced: Sequence[EventsStored]) -> int:
    """Copy the announced events; returns how many. Without an analytical store nothing is done: PostgreSQL has it all.

    Raises:
        Unavailable: the analytical store is down; the announcement comes again.
    """
    return _copy(workspace_id, [(one.account or "", event_id) for one in announced for event_id in one.event_ids])


def copy_after(workspace_id: str, after: EventKey | None, most: int) -> tuple[int, EventKey | None]:
    """Copy the next stored events in the order of their keys; returns how many, and where the next call goes on (None: the end).

    Raises:
        Unavailable: a store is down.
    """
    keys = in_transaction(Scope("sync", workspace_id), lambda uow: raw_store.keys_after(uow.conn, after, most))
    return _copy(workspace_id, keys), keys[-1] if len(keys) == most else None


def _copy(workspace_id: str, keys: Sequence[EventKey]) -> int:
    if not olap.is_configured():
        return 0
    stored = in_transaction(Scope("sync", workspace_id), lambda uow: raw_store.by_key(uow.conn, keys))
    rows = []
    for row in stored:
        event = read(row.body)
        rows.append(
            (workspace_id, event.id, event.account, event.type, "stripe", event.object_type, event.object_id,
             storable(event.object), event.created_at, row.arrival)
        )  # fmt: skip
    if rows:
        olap.insert("events", _COLUMNS, rows)
    return len(rows)
