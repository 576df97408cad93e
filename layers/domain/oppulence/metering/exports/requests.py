"""Asking for exports and schedules of exports, looking at them, and deleting them."""

from collections.abc import Collection
from datetime import datetime, timedelta

from oppulence.kernel.ids import new_id
from oppulence.kernel.pagination import Page, paginate
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering import meters, periods
from oppulence.metering import store as meters_store
from oppulence.metering.definition import RESERVED
from oppulence.metering.errors import ExportNotFound, InvalidExport, TooManyExports
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import files_gateway, store
from oppulence.metering.exports.models import (
    Export,
    ExportFile,
    ExportQuery,
    ExportView,
    Format,
    Kind,
    NewExport,
    Progress,
    Selection,
    Status,
    Summary,
)
from oppulence.metering.windows import whole, windows, zone

MAX_RUNNING, MAX_SCHEDULES = 10, 20
_RETRY_S = 60
_MANIFEST = "manifest.json"


def create(uow: UnitOfWork, wanted: NewExport) -> ExportView:
    """Ask for an export of what is settled by now, or for a schedule; the work begins with the event.

    Raises:
        InvalidExport: its parts do not fit together.
        InvalidPeriod, TooManyWindows, UnknownTimeZone, MeterNotFound
        TooManyExports: as many run, or stand, as may.
    """
    _check(uow, wanted)
    status = Status.RUNNING if wanted.schedule is None else Status.SCHEDULED
    if store.count(uow.conn, uow.workspace_id, status) >= (most := MAX_RUNNING if wanted.schedule is None else MAX_SCHEDULES):
        raise TooManyExports(f"{most} are {status} already. Wait for one to end, or delete one.", retry_after=_RETRY_S)
    export = Export(
        id=new_id("uex"), schedule_id=None, kind=wanted.kind, format=wanted.format,
        selection=Selection.model_validate(wanted.model_dump(include=set(Selection.model_fields))), since=wanted.since,
        until=wanted.until, every=wanted.schedule, time_zone=wanted.time_zone,
        next_at=wanted.schedule and periods.next_end(wanted.schedule.size, zone(wanted.time_zone), uow.now), status=status,
        settlement=None, as_of=None,
        cursor=None, files=0, rows=0, bytes=0, done=0, total=None, manifest_sha256=None, error=None, failures=0,
        requested_at=uow.now, ended_at=None,
    )  # fmt: skip
    save(uow, export)
    asked = wanted.model_dump(mode="json", exclude={"subjects"}, exclude_none=True)  # which may name people
    uow.audit("usage_export.requested", "usage_export", export.id, after=asked)
    return _view(uow, export)


def save(uow: UnitOfWork, export: Export, awaits: Collection[str] = ()) -> bool:
    """Save an export, and have its work begin; False when its schedule made one of the period already.

    `awaits` are batches that may be on their way: one of a schedule begins when they are settled.
    """
    saved = store.insert(uow.conn, uow.workspace_id, export, awaits)
    if saved and export.status is Status.RUNNING:
        uow.emit(UsageExportRequested(export_id=export.id, from_file=1))
    return saved


def get(uow: UnitOfWork, export_id: str) -> ExportView:
    """An export, with links to its files.

    Raises:
        ExportNotFound: there is none.
    """
    return _view(uow, _found(store.fetch(uow.conn, export_id), export_id))


def page(uow: UnitOfWork, query: ExportQuery) -> Page[Summary]:
    """Exports and schedules, the latest first."""
    return paginate(
        uow, query, lambda after, most: [Summary(**_summary(one)) for one in store.page(uow.conn, query, after, most)],
        key=lambda one: (one.requested_at, one.id),
    )  # fmt: skip


def delete(scope: Scope, export_id: str) -> None:
    """Stop an export and delete it with its files; or end a schedule, whose exports stay. Repeated after a crash it goes on.

    Raises:
        ExportNotFound: there is none.
        Unavailable: the bucket does not answer.
    """

    def stop(uow: UnitOfWork) -> Export:
        export = _found(store.fetch(uow.conn, export_id, lock=True), export_id)
        if export.status is Status.RUNNING:
            store.end(uow.conn, export_id, Status.FAILED, uow.now, error="It is being deleted.")
        return export

    def forget(uow: UnitOfWork) -> None:
        store.delete(uow.conn, export_id)
        uow.audit("usage_export.deleted", "usage_export", export_id, before={"status": export.status})

    export = in_transaction(scope, stop)
    if export.every is None:
        files_gateway.delete(keys(str(scope.workspace_id), export_id, export.format, export.files))
    in_transaction(scope, forget)


def erase_workspace(uow: UnitOfWork) -> None:
    """Delete all exports of the workspace; their files are deleted with all others. Repeating it is harmless."""
    store.delete_all(uow.conn)


def key(workspace_id: str, export_id: str, name: str) -> str:
    """Where a file lies in the bucket."""
    return f"{files_gateway.PREFIX}{workspace_id}/{export_id}/{name}"


def name_of(number: int, form: Format) -> str:
    """A file's name."""
    return f"part-{number:05d}.{form}"


def keys(workspace_id: str, export_id: str, form: Format, files: int) -> list[str]:
    """All that an export has or may have in the bucket: the file after the last one noted may have been written."""
    names = [_MANIFEST, *(name_of(number, form) for number in range(1, files + 2))]
    return [key(workspace_id, export_id, name) for name in names]


def manifest_key(workspace_id: str, export_id: str) -> str:
    """Where the manifest lies."""
    return key(workspace_id, export_id, _MANIFEST)


def _check(uow: UnitOfWork, wanted: NewExport) -> None:
    of_events, tz = wanted.kind is Kind.EVENTS, zone(wanted.time_zone)
    if wanted.schedule is not None and (wanted.since is not None or wanted.until is not None):
        raise InvalidExport("A schedule exports each whole period from now on. Leave out `from` and `to`.", param="schedule")
    for name in ("meters", "window_size", "group_by") if of_events else ("event_types",):
        if getattr(wanted, name) is not None:
            raise InvalidExport(f"An export of {wanted.kind} takes no {name}. Leave it out.", param=name)
    for name in ("event_types", "subjects", "meters", "group_by"):
        if getattr(wanted, name) == []:
            raise InvalidExport(f"Name at least one of {name}, or leave it out for all.", param=name)
    found = [meters.get(uow, one).id for one in wanted.meters or []]
    unknown = set(wanted.group_by or []).difference(RESERVED, *meters_store.dimensions(uow.conn, found).values())
    if found and unknown:
        raise InvalidExport(f"None of the meters has the dimension {min(unknown)}.", param="group_by")
    if wanted.schedule is None:
        if wanted.since is None or wanted.until is None:
            raise InvalidExport("Give the period, `from` and `to`, or a `schedule`.", param="from")
        period = whole(wanted.since, wanted.until)
        if wanted.window_size is not None:
            windows(period, wanted.window_size, tz)


def _found(export: Export | None, export_id: str) -> Export:
    if export is None:
        raise ExportNotFound(f"No usage export {export_id[:64]} in this workspace. List them with GET /v1/usage_exports.")
    return export


def _summary(export: Export) -> dict[str, object]:
    percent = None if export.total is None else 100 * export.done // export.total if export.total else 100
    return {
        **export.model_dump(include=set(Summary.model_fields)), "selection": export.selection, "schedule": export.every,
        "progress": Progress(done=export.done, total=export.total, percent=percent),
    }  # fmt: skip


def _view(uow: UnitOfWork, export: Export) -> ExportView:
    complete = export.status is Status.COMPLETED

    def link(name: str) -> str | None:
        whole_name = f"{export.id}-{name}"
        return files_gateway.link(key(uow.workspace_id, export.id, name), whole_name) if complete else None

    files = [
        ExportFile(**one.model_dump(), name=(name := name_of(one.number, export.format)), url=link(name))
        for one in store.files(uow.conn, export.id)
    ]
    expire: datetime | None = uow.now + timedelta(seconds=files_gateway.LINK_S) if complete else None
    return ExportView(
        **_summary(export), files=files, manifest_url=link(_MANIFEST), manifest_sha256=export.manifest_sha256,
        links_expire_at=expire,
    )  # fmt: skip
