"""Asking for imports, starting, showing and stopping them."""

from datetime import datetime, timedelta

from oppulence.kernel import clock
from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering.errors import ImportFileMissing, ImportNotFound, ImportOver, TooManyImports
from oppulence.metering.imports import files_gateway, machines, store
from oppulence.metering.imports.models import (
    Import,
    ImportQuery,
    ImportSummary,
    ImportView,
    NewImport,
    Status,
    Upload,
)
from oppulence.tenancy import api as tenancy

UNFINISHED_MAX = 20
_RETRY_S = 60


def request(uow: UnitOfWork, body: NewImport) -> ImportView:
    """Make an import that waits for its file, and a link to upload it with.

    Raises:
        TooManyImports: too many wait or run already.
    """
    store.one_at_a_time(uow.conn, uow.workspace_id)
    if store.unfinished(uow.conn) >= UNFINISHED_MAX:
        raise TooManyImports(f"{UNFINISHED_MAX} imports wait or run: cancel one, or let one end.", retry_after=_RETRY_S)
    source = body.source or tenancy.key_name(uow.conn, uow.actor.id) or uow.actor.id
    wanted = body.model_copy(update={"source": source})
    import_id = new_id("uim")
    store.insert(uow.conn, uow.workspace_id, import_id, wanted, uow.now)
    uow.audit("usage_import.requested", "usage_import", import_id, after={"format": body.format, "size_bytes": body.size_bytes})
    url, headers = files_gateway.upload(uow.workspace_id, import_id, body.format, body.size_bytes)
    expires_at = clock.real_now() + timedelta(seconds=files_gateway.LINK_S)
    upload = Upload(method="PUT", url=url, headers=headers, expires_at=expires_at)
    return get(uow, import_id).model_copy(update={"upload": upload})


def start(scope: Scope, import_id: str) -> ImportView:
    """Begin to read the file that was uploaded. One that runs already goes on.

    Raises:
        ImportNotFound: the workspace has none of this id.
        ImportFileMissing: the whole file is not there.
        ImportOver: it has ended.
        Unavailable: S3 does not answer.
    """
    seen = in_transaction(scope, lambda uow: _open(uow, import_id))
    if seen.status is Status.WAITING:
        file = files_gateway.look(seen.workspace_id, import_id)
        if file is None or file[0] != seen.size_bytes:
            there = "No file" if file is None else f"A file of {file[0]:,} bytes"
            raise ImportFileMissing(f"{there} was uploaded; one of {seen.size_bytes:,} was announced. Upload it, then start.")
        etag = file[1]
        seen = in_transaction(scope, lambda uow: _begin(uow, import_id, etag))
    if seen.execution_arn is None:
        machines.start(scope, seen)
    return in_transaction(scope, lambda uow: get(uow, import_id))


def get(uow: UnitOfWork, import_id: str) -> ImportView:
    """An import, with a link to its error file where there is one.

    Raises:
        ImportNotFound: the workspace has none of this id.
    """
    row = store.fetch(uow.conn, import_id)
    if row is None:
        raise _unknown(import_id)
    has_errors = row.errors_bytes > 0 and row.removed_at is None
    link = files_gateway.errors_link(uow.workspace_id, import_id) if has_errors else None
    return ImportView(**dict(_summary(row, uow)), errors_url=link)


def list_imports(uow: UnitOfWork, query: ImportQuery) -> Page[ImportSummary]:
    """Imports, the latest first."""
    return paginate(
        uow, query, lambda after, most: [_summary(one, uow) for one in store.page(uow.conn, query, after, most)],
        key=lambda one: (one.requested_at, one.id),
    )  # fmt: skip


def cancel(uow: UnitOfWork, import_id: str) -> ImportView:
    """Stop an import: what was accepted stays. One that was cancelled already stays so.

    Raises:
        ImportNotFound: the workspace has none of this id.
        ImportOver: it has ended.
    """
    row = store.fetch(uow.conn, import_id, lock=True)
    if row is None:
        raise _unknown(import_id)
    if row.is_over and row.status is not Status.CANCELLED:
        raise _over(row)
    if not row.is_over:
        store.end(uow.conn, import_id, Status.CANCELLED, None, uow.now)
        uow.audit("usage_import.cancelled", "usage_import", import_id)
    return get(uow, import_id)


def _open(uow: UnitOfWork, import_id: str, *, lock: bool = False) -> Import:
    row = store.fetch(uow.conn, import_id, lock=lock)
    if row is None:
        raise _unknown(import_id)
    if row.is_over:
        raise _over(row)
    return row


def _begin(uow: UnitOfWork, import_id: str, etag: str) -> Import:
    row = _open(uow, import_id, lock=True)
    if row.status is Status.RUNNING:
        return row
    store.start(uow.conn, import_id, etag, uow.now, _oldest(uow))
    uow.audit("usage_import.started", "usage_import", import_id)
    return machines.name_next(uow, row)


def _oldest(uow: UnitOfWork) -> datetime | None:
    workspace = tenancy.workspace(uow.conn)
    days = workspace.settings.usage_max_age_days if workspace else None
    return uow.now - timedelta(days=days) if days else None


def _summary(row: Import, uow: UnitOfWork) -> ImportSummary:
    took_s = ((row.ended_at or uow.now) - row.started_at).total_seconds() if row.started_at else 0.0
    left = row.size_bytes - row.position
    runs = row.status is Status.RUNNING
    return ImportSummary(
        id=row.id, format=row.format, source=row.source, status=row.status, reason=row.reason, size_bytes=row.size_bytes,
        bytes_read=row.position, lines_read=row.lines, accepted=row.accepted, rejected=row.rejected,
        max_rejected=row.most_rejected, lines_per_second=round(row.lines / took_s, 1) if took_s > 0 else None,
        remaining_s=round(took_s * left / row.position) if runs and row.position else None, requested_at=row.requested_at,
        started_at=row.started_at, ended_at=row.ended_at,
    )  # fmt: skip


def _unknown(import_id: str) -> ImportNotFound:
    return ImportNotFound(f"This workspace has no import {import_id[:64]}.")


def _over(row: Import) -> ImportOver:
    return ImportOver(f"The import has ended: {row.status.value}. Ask for another one for another file.")
