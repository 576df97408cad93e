"""Writing an export's files, one after the other, for some seconds; then another run goes on.

A file is written, then noted together with where the next one begins. What is in it follows from the settlement that the export
was begun with, so one that a crash left unnoted is written again, the same.
"""

import time
from collections.abc import Sequence

from pydantic_core import to_json

from oppulence.kernel import olap, telemetry
from oppulence.kernel.consume import Received
from oppulence.kernel.errors import AppError, Unavailable
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering.errors import InvalidExport
from oppulence.metering.events import UsageExportCompleted, UsageExportFailed, UsageExportRequested
from oppulence.metering.exports import events_content, files_gateway, parts, requests, store, windows_content
from oppulence.metering.exports.models import Export, File, Kind, Status
from oppulence.metering.exports.parts import Part
from oppulence.metering.snapshots import snapshot, whole

WORK_S = 60
"""Real seconds after which a run begins no other file."""

MAX_FILES = 1000
MAX_FAILURES = 5


def write_requested(received: Sequence[Received]) -> None:
    """Go on with the exports of one workspace that a queue tells of."""
    scope = Scope("metering", received[0].envelope.workspace_id)
    for export_id in dict.fromkeys(str(one.envelope.data["export_id"]) for one in received):
        write(scope, export_id)


def write(scope: Scope, export_id: str) -> None:
    """Write files of an export, if it runs and nobody else does.

    Raises:
        Unavailable: a store cannot be reached, or is rebuilt, or lacks usage that came in time, or something failed that nobody
            foresaw, and not too often yet. Calling again goes on.
    """
    export = in_transaction(scope, lambda uow: store.claim(uow.conn, export_id))
    if export is None:
        return
    try:
        _write(scope, export)
    except Unavailable:
        in_transaction(scope, lambda uow: store.let_go(uow.conn, export_id))
        raise
    except AppError as error:
        reason = error.message
        in_transaction(scope, lambda uow: _fail(uow, export, reason))
    except Exception as error:
        what = type(error).__name__
        telemetry.logger().error("usage_export_failed", exc_info=error, extra={"export_id": export_id})
        if in_transaction(scope, lambda uow: _count(uow, export_id, what)):
            raise Unavailable("It is tried again.") from error


def _write(scope: Scope, export: Export) -> None:
    over = time.monotonic() + WORK_S
    if export.settlement is None:
        export = _begin(scope, export)
    while (part := _part(scope, export)) is not None:
        if time.monotonic() > over:
            _go_on(scope, export)
            return
        written = _write_file(scope, export, part)
        if written is None:
            return
        export = written
    _complete(scope, export)


def _begin(scope: Scope, export: Export) -> Export:
    """Fix what the export holds: of windows the meters first, so that what they have counted is settled by then.

    Raises:
        Unavailable: usage that came before a schedule's export was made is not settled.
    """
    if in_transaction(scope, lambda uow: store.waits(uow.conn, export.id)):
        raise Unavailable("Usage that came before the export was made is not settled.")
    with whole(scope):
        place = windows_content.begin(scope, export) if export.kind is Kind.WINDOWS else None
        settled, now = in_transaction(scope, lambda uow: (snapshot(uow.conn).settled, uow.now))
        fixed = export.model_copy(update={"settlement": settled, "as_of": now})
        cursor, total = place or (None, events_content.total(str(scope.workspace_id), fixed))
    begun = fixed.model_copy(update={"cursor": cursor, "total": total})
    in_transaction(scope, lambda uow: store.begin(uow.conn, begun))
    return begun


def _part(scope: Scope, export: Export) -> Part | None:
    with whole(scope):
        if export.kind is Kind.EVENTS:
            return events_content.part(str(scope.workspace_id), export)
        return windows_content.part(scope, export)


def _write_file(scope: Scope, export: Export, part: Part) -> Export | None:
    """The export after its next file; None if it is deleted, or somebody else goes on with it."""
    number = export.files + 1
    if number > MAX_FILES:
        raise InvalidExport(f"It has more than {MAX_FILES} files. Export a shorter period.")
    key = requests.key(str(scope.workspace_id), export.id, requests.name_of(number, export.format))
    form, settings = parts.FORMS[export.format], parts.SETTINGS[export.format]
    with whole(scope), olap.stream(part.statement, part.values, form, settings) as content:
        size, digest = files_gateway.write(key, content, parts.CONTENT_TYPES[export.format])
    file = File(number=number, rows=part.rows, bytes=size, sha256=digest)

    def note(uow: UnitOfWork) -> tuple[bool, Export | None]:
        return store.note_file(uow.conn, uow.workspace_id, export, file, part.after), store.fetch(uow.conn, export.id)

    noted, now = in_transaction(scope, note)
    if now is None:
        files_gateway.delete([key])
    return now if noted else None


def _complete(scope: Scope, export: Export) -> None:
    files = in_transaction(scope, lambda uow: store.files(uow.conn, export.id))
    key = requests.manifest_key(str(scope.workspace_id), export.id)
    _, digest = files_gateway.write(key, [_manifest(export, files)], "application/json")

    def end(uow: UnitOfWork) -> bool:
        since, until = export.period
        ended = store.end(uow.conn, export.id, Status.COMPLETED, uow.now, manifest_sha256=digest)
        if ended:
            uow.emit(
                UsageExportCompleted(
                    export_id=export.id, schedule_id=export.schedule_id, kind=export.kind, period_start=since, period_end=until,
                    settlement=export.settlement or 0, files=export.files, rows=export.rows, bytes=export.bytes,
                    manifest_sha256=digest,
                )
            )  # fmt: skip
        return ended or store.fetch(uow.conn, export.id) is not None

    if not in_transaction(scope, end):
        files_gateway.delete([key])


def _manifest(export: Export, files: Sequence[File]) -> bytes:
    columns = events_content.COLUMNS if export.kind is Kind.EVENTS else windows_content.columns(export)
    since, until = export.period
    return to_json(
        {
            "export_id": export.id, "schedule_id": export.schedule_id, "kind": export.kind, "format": export.format,
            "from": since, "to": until, "time_zone": export.time_zone, "selection": export.selection,
            "settlement": export.settlement, "rows": export.rows, "bytes": export.bytes,
            "columns": [{"name": one.name, "type": one.type, "description": one.description} for one in columns],
            "notes": parts.NOTES[export.format],
            "files": [one.model_dump() | {"name": requests.name_of(one.number, export.format)} for one in files],
        },
        indent=1,
    )  # fmt: skip


def _go_on(scope: Scope, export: Export) -> None:
    def ask(uow: UnitOfWork) -> None:
        store.let_go(uow.conn, export.id)
        uow.emit(UsageExportRequested(export_id=export.id, from_file=export.files + 1))

    in_transaction(scope, ask)


def _count(uow: UnitOfWork, export_id: str, what: str) -> bool:
    """Count an unforeseen failure; whether it is tried again."""
    export = store.fetch(uow.conn, export_id, lock=True)
    if export is None:
        return False
    reason = f"{what} while file {export.files + 1} was written"
    again = store.note_failure(uow.conn, export_id, reason) < MAX_FAILURES
    if not again:
        _fail(uow, export, reason)
    return again


def _fail(uow: UnitOfWork, export: Export, reason: str) -> None:
    if store.end(uow.conn, export.id, Status.FAILED, uow.now, error=reason):
        uow.emit(UsageExportFailed(export_id=export.id, schedule_id=export.schedule_id, reason=reason))
