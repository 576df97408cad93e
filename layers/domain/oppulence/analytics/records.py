"""The platform's own events as rows of `events`: entries of the ledger and of the audit log, read from where they stand."""

from collections.abc import Sequence

from pydantic_core import to_json

from oppulence.analytics import tables, workspaces
from oppulence.analytics.tables import PlatformEvent
from oppulence.kernel import olap
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.ledger import api as ledger
from oppulence.ledger.api import ShownEntry
from oppulence.tenancy import api as tenancy
from oppulence.tenancy.api import ShownAuditEntry

BATCH = 1_000

Range = tuple[int, int]
"""First and last place in the audit log's chain, both included."""


def copy_ledger(workspace_id: str, entry_ids: Sequence[str]) -> int:
    """Copy these journal entries; returns how many.

    Raises:
        Unavailable: a store is down; the facts come again.
    """
    if not olap.is_configured():
        return 0
    rows = in_transaction(Scope("analytics", workspace_id), lambda uow: _entries(uow, entry_ids))
    return tables.write_platform_events(workspace_id, rows)


def copy_audit(workspace_id: str, ranges: Sequence[Range]) -> int:
    """Copy the audit log's entries of these ranges, without what is personal in them; returns how many.

    Raises:
        Unavailable: a store is down; the facts come again.
    """
    if not olap.is_configured():
        return 0
    copied = 0
    for first, last in ranges:
        for start in range(first, last + 1, BATCH):
            part = (start, min(start + BATCH - 1, last))
            rows = in_transaction(Scope("analytics", workspace_id), lambda uow, part=part: _audit(uow, part))  # type: ignore[misc]
            copied += tables.write_platform_events(workspace_id, rows)
    return copied


def _entries(uow: UnitOfWork, entry_ids: Sequence[str]) -> list[PlatformEvent]:
    return [_of_ledger(one) for one in ledger.entries(uow.conn, entry_ids)] if workspaces.is_there(uow) else []


def _audit(uow: UnitOfWork, part: Range) -> list[PlatformEvent]:
    return [_of_audit(one) for one in tenancy.audit_entries(uow.conn, *part)] if workspaces.is_there(uow) else []


def _of_ledger(entry: ShownEntry) -> PlatformEvent:
    told = {
        "kind": entry.kind, "object_id": entry.object_id, "source_event_id": entry.source_event_id,
        "reverses_id": entry.reverses_id, "postings": entry.postings,
    }  # fmt: skip
    return PlatformEvent(
        event_id=entry.id, account=entry.account or "", event_type="ledger.entry.posted", entity_type="journal_entry",
        entity_id=entry.id, data=to_json(told).decode(), event_timestamp=entry.posted_at,
    )  # fmt: skip


def _of_audit(entry: ShownAuditEntry) -> PlatformEvent:
    told = {"seq": entry.seq, "actor_type": entry.actor_type, "actor_id": entry.actor_id, "changes": entry.changes}
    return PlatformEvent(
        event_id=entry.id, account="", event_type=f"audit.{entry.action}", entity_type=entry.resource_type,
        entity_id=entry.resource_id, data=to_json(told).decode(), event_timestamp=entry.occurred_at,
    )  # fmt: skip
