"""Deleting a workspace: an export, a delay in which it can be undone, then erasure.

Erasure deletes the workspace's rows and its wrapped data keys. The audit log and the ledger stay whole: what is personal in
them is sealed under those keys, and can never be read again. Processes that hold the key forget it within five minutes.
It is final when the last backup made before it has expired; until then a restore of the whole database would bring it back.
"""

from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from oppulence.kernel import crypto, environment, telemetry
from oppulence.kernel.errors import AppError
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.tenancy import export, letter_bodies
from oppulence.tenancy.access import require_owner
from oppulence.tenancy.errors import DeletionNotScheduled, DeletionScheduled
from oppulence.tenancy.events import WorkspaceDeletionScheduled, WorkspaceErased, WorkspaceRestored
from oppulence.tenancy.models import Status, Workspace
from oppulence.tenancy.store import dead_letters
from oppulence.tenancy.store import workspaces as store

DEFAULT_DELAY_DAYS = 30


def delay() -> timedelta:
    """How long a deletion can be undone, in domain time: a setting of the deployment."""
    return timedelta(days=int(environment.optional("DELETION_DELAY_DAYS") or DEFAULT_DELAY_DAYS))


def schedule(scope: Scope) -> Workspace:
    """Export the workspace's tenancy data, then schedule its deletion. From then on the workspace refuses requests.

    Raises:
        OwnerRequired: the caller is not a signed-in owner.
        DeletionScheduled: it is scheduled already.
    """
    with TemporaryFile() as file:
        in_transaction(replace(scope, isolation="REPEATABLE READ"), lambda uow: _collect(uow, file))
        key = export.write(scope.workspace_id or "", file)
    return in_transaction(scope, lambda uow: _schedule(uow, key))


def restore(uow: UnitOfWork) -> Workspace:
    """Undo a scheduled deletion; its export goes.

    Raises:
        OwnerRequired: the caller is not a signed-in owner.
        DeletionNotScheduled: there is none, or it has become due.
    """
    require_owner(uow)
    workspace = store.read_workspace(uow.conn, lock=True)
    due_at = workspace.deletion_due_at
    if workspace.status is not Status.DELETING or due_at is None or due_at <= uow.now:
        raise DeletionNotScheduled("There is no deletion of this workspace that could be undone.")
    gone = {"status": Status.ACTIVE, "deletion_due_at": None, "export_key": None, "updated_at": uow.now}
    workspace = workspace.model_copy(update=gone)
    store.save_status(uow.conn, workspace)
    uow.audit("workspace.restored", "workspace", workspace.id)
    uow.emit(WorkspaceRestored())
    uow.after_commit(lambda: _discard_export(workspace.id))
    return workspace


def erase_due(scope: Scope) -> dict[str, int]:
    """Erase the workspaces whose delay is over. One that fails is tried again in the next run; the others go on."""
    done = {"erased": 0, "failed": 0}
    for workspace_id in in_transaction(scope, lambda uow: store.due_for_erasure(uow.conn, uow.now)):
        try:
            crypto.warm(scope.context, workspace_id)
            within = replace(scope, workspace_id=workspace_id)
            export.delete(workspace_id)
            letter_bodies.delete(in_transaction(within, lambda uow: dead_letters.body_keys(uow.conn)))
            in_transaction(within, _erase)
            done["erased"] += 1
        except (AppError, psycopg.Error, BotoCoreError, ClientError) as error:
            telemetry.logger().error("workspace_not_erased", exc_info=error, extra={"workspace_id": workspace_id})
            done["failed"] += 1
    return done


def _collect(uow: UnitOfWork, file: IO[bytes]) -> None:
    require_owner(uow)
    _refuse_scheduled(store.read_workspace(uow.conn))
    export.collect(uow.conn, file)


def _schedule(uow: UnitOfWork, export_key: str) -> Workspace:
    workspace = store.read_workspace(uow.conn, lock=True)
    _refuse_scheduled(workspace)
    due_at = uow.now + delay()
    change = {"status": Status.DELETING, "deletion_due_at": due_at, "export_key": export_key, "updated_at": uow.now}
    workspace = workspace.model_copy(update=change)
    store.save_status(uow.conn, workspace)
    uow.audit("workspace.deletion_scheduled", "workspace", workspace.id, after={"due_at": due_at})
    uow.emit(WorkspaceDeletionScheduled(due_at=due_at))
    return workspace


def _erase(uow: UnitOfWork) -> None:
    """Erase one workspace, if it is still due under its lock."""
    workspace = store.read_workspace(uow.conn, lock=True)
    due_at = workspace.deletion_due_at
    if workspace.status is not Status.DELETING or due_at is None or due_at > uow.now:
        return
    uow.audit("workspace.erased", "workspace", workspace.id)
    uow.emit(WorkspaceErased())
    store.bury(uow.conn, workspace.id, uow.now)
    uow.after_commit(lambda: crypto.forget(workspace.id))


def _refuse_scheduled(workspace: Workspace) -> None:
    if workspace.status is not Status.ACTIVE:
        raise DeletionScheduled("This workspace's deletion is scheduled. Undo it with POST /v1/workspace/restore.")


def _discard_export(workspace_id: str) -> None:
    """Delete the export of a restored workspace; the next export would replace it anyway."""
    try:
        export.delete(workspace_id)
    except (BotoCoreError, ClientError) as error:
        telemetry.logger().warning("export_not_deleted", extra={"workspace_id": workspace_id, "reason": str(error)})
