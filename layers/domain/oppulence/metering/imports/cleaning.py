"""Forgetting imports: their files a week after they were asked for, and all with their workspace."""

from datetime import timedelta

from oppulence.kernel import clock
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering.imports import files_gateway, store
from oppulence.metering.imports.models import KEPT_DAYS, Status

AT_ONCE = 500


def clean(scope: Scope) -> dict[str, int]:
    """Delete files of imports that were asked for a week ago and are not under way. `scope` has no workspace.

    Raises:
        Unavailable: S3 does not answer; the rest is done at the next time.
    """
    since = clock.now() - timedelta(days=KEPT_DAYS)
    found = in_transaction(scope, lambda uow: store.to_clean(uow.conn, since, AT_ONCE))
    for workspace_id, import_id in found:
        in_transaction(Scope(scope.context, workspace_id), lambda uow, id_=import_id: _expire(uow, id_))  # type: ignore[misc]
        files_gateway.delete(workspace_id, import_id)
        in_transaction(
            Scope(scope.context, workspace_id),
            lambda uow, id_=import_id: store.note_removed(uow.conn, id_, uow.now),  # type: ignore[misc]
        )
    return {"cleaned": len(found)}


def erase_workspace(uow: UnitOfWork) -> None:
    """Delete all imports of the workspace; their files are deleted with all others. Repeating it is harmless."""
    store.delete_all(uow.conn)


def _expire(uow: UnitOfWork, import_id: str) -> None:
    """Nobody may start it from now on: its file goes."""
    row = store.fetch(uow.conn, import_id, lock=True)
    if row is not None and row.status is Status.WAITING:
        store.end(uow.conn, import_id, Status.EXPIRED, "Its file was not uploaded and started within a week.", uow.now)
