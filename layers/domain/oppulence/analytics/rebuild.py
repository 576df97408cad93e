"""Writing analytical tables anew from PostgreSQL: after they were lost, or for what was there before them.

Everything goes the way that consumers go, object by object as it stands, so it may run while they do, be repeated, and be broken
off. Rows are written over, never deleted first: readers see no gap.
"""

from collections.abc import Callable
from typing import TypeVar

from oppulence.analytics import money, records, recovery, workspaces
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.ledger import api as ledger
from oppulence.recovery import api as cases
from oppulence.sync import api as mirror
from oppulence.sync.api import Ref
from oppulence.tenancy import api as tenancy

BATCH = 500
T = TypeVar("T")
Progress = Callable[[int], None]
"""Told how many things were read, after each batch."""

_OBJECTS = {
    "transactions_fact": tuple(mirror.KINDS),
    "payment_invoices": mirror.LINKS,
    "mrr_movements": ("subscription",),
}
TABLES = (*_OBJECTS, "recovery_events", "events")
"""Of `events` the platform's own; the provider's are the sync engine's to copy."""


def rebuild(workspace_id: str, table: str, progress: Progress) -> int:
    """Write one workspace's rows of a table again; returns how many rows. Of an erased workspace there are none.

    Raises:
        ValueError: there is no such table.
        Unavailable: a store is down; run it again.
    """
    if not _ask(workspace_id, workspaces.is_there):
        return 0
    if table in _OBJECTS:
        return sum(_objects(workspace_id, kind, progress) for kind in _OBJECTS[table])
    if table == "recovery_events":
        return _paged(
            lambda after: _ask(workspace_id, lambda uow: cases.case_ids_after(uow.conn, after or "", BATCH)),
            lambda ids: recovery.copy(workspace_id, ids), progress,
        )  # fmt: skip
    if table == "events":
        posted = _paged(
            lambda after: _ask(workspace_id, lambda uow: ledger.entry_ids_after(uow.conn, after or "", BATCH)),
            lambda ids: records.copy_ledger(workspace_id, ids), progress,
        )  # fmt: skip
        return posted + _audit(workspace_id, progress)
    raise ValueError(f"no table {table}: choose one of {', '.join(TABLES)}")


def _objects(workspace_id: str, object_type: str, progress: Progress) -> int:
    def page(after: Ref | None) -> list[Ref]:
        return _ask(workspace_id, lambda uow: mirror.refs_after(uow.conn, object_type, after, BATCH))

    return _paged(page, lambda refs: money.copy(workspace_id, refs), progress)


def _audit(workspace_id: str, progress: Progress) -> int:
    last = _ask(workspace_id, lambda uow: tenancy.last_audit_seq(uow.conn))
    copied = records.copy_audit(workspace_id, [(1, last)]) if last else 0
    progress(copied)
    return copied


def _paged(page: Callable[[T | None], list[T]], copy: Callable[[list[T]], int], progress: Progress) -> int:
    """Copy page by page; returns how many rows were written."""
    written, read, last = 0, 0, None
    while found := page(last):
        written, read, last = written + copy(found), read + len(found), found[-1]
        progress(read)
        if len(found) < BATCH:
            break
    return written


def _ask(workspace_id: str, question: Callable[[UnitOfWork], T]) -> T:
    return in_transaction(Scope(money.CONTEXT, workspace_id), question)
