"""Each running import has one machine that reads it, by the rule of kernel/machines.py: only the one its row names may act."""

from oppulence.kernel import machines
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.metering.imports import store
from oppulence.metering.imports.models import Import, Status

EXECUTIONS_MAX = 10
SWEEP_MAX = 100


def start(scope: Scope, import_: Import) -> None:
    """Start the execution that was named. No transaction is held meanwhile.

    Raises:
        ClientError, BotoCoreError: Step Functions did not take it; the sweep tries again.
    """
    name = str(import_.execution_name)
    arn = machines.start("metering/usage_import", name, workspace_id=import_.workspace_id, import_id=import_.id)
    in_transaction(scope, lambda uow: store.save_started(uow.conn, import_.id, name, arn))


def start_missing(scope: Scope) -> dict[str, int]:
    """Look after imports that nobody reads though somebody should. `scope` has no workspace."""
    found = in_transaction(scope, lambda uow: store.without_machine(uow.conn, SWEEP_MAX))
    return machines.look_after(scope, found, _revive)


def name_next(uow: UnitOfWork, import_: Import) -> Import:
    """Reserve the next execution's name, such as `uim_...` and, after a crash, `uim_...-2`; the row is held."""
    name = import_.id if import_.executions == 0 else f"{import_.id}-{import_.executions + 1}"
    store.name_execution(uow.conn, import_.id, name)
    named = store.fetch(uow.conn, import_.id)
    assert named is not None, "its row is held"
    return named


def _revive(scope: Scope, import_id: str) -> int:
    row = in_transaction(scope, lambda uow: store.fetch(uow.conn, import_id))
    if row is None or row.status is not Status.RUNNING:
        return 0
    if row.execution_arn is not None:
        seen = row
        if machines.is_running(row.execution_arn):
            return 0
        row = in_transaction(scope, lambda uow: _following(uow, seen))
    if row is None:
        return 0
    start(scope, row)
    return 1


def _following(uow: UnitOfWork, seen: Import) -> Import | None:
    """The import with its next execution's name, after one that ended before its time, unless somebody else was here."""
    row = store.fetch(uow.conn, seen.id, lock=True)
    if row is None or row.is_over or row.execution_name != seen.execution_name:
        return None
    if row.executions >= EXECUTIONS_MAX:
        store.end(uow.conn, row.id, Status.FAILED, f"Its execution ended before its time {EXECUTIONS_MAX} times.", uow.now)
        return None
    return name_next(uow, row)
