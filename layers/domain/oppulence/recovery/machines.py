"""Each open case has one machine that looks after it, by the rule of kernel/machines.py: only the one its row names may act."""

from oppulence.kernel import machines
from oppulence.kernel.uow import Scope, UnitOfWork, in_transaction
from oppulence.recovery import store
from oppulence.recovery.models import Case, CaseStatus, Entry, EntryKind

SWEEP_MAX = 200
_PAGE = 200


def ensure_started(scope: Scope, case_id: str) -> bool:
    """Start the machine of an open case that has none; True if this call did. No transaction is held while it starts.

    Raises:
        ClientError, BotoCoreError: Step Functions did not take it; calling again is harmless.
    """
    case = in_transaction(scope, lambda uow: store.fetch_case(uow.conn, case_id))
    if case is None or case.status is not CaseStatus.OPEN or case.execution_arn is not None:
        return False
    _start(scope, case)
    return True


def start_missing_machines(scope: Scope) -> dict[str, int]:
    """Look after open cases whose machine was never started, or whose next step is overdue though the machine should have acted.

    `scope` has no workspace. Returns how many were looked at, how many machines were started, and how many could not be.
    """
    found = in_transaction(scope, lambda uow: store.cases_without_machine(uow.conn, uow.now, SWEEP_MAX))
    return machines.look_after(scope, list(found), _revive)


def restart_machines(scope: Scope) -> dict[str, int]:
    """The same for every open case there is: what is called when Step Functions may have forgotten its executions."""
    total = {"looked_at": 0, "started": 0, "failed": 0}
    after = ""
    while page := _open_cases(scope, after):
        total = {name: total[name] + count for name, count in machines.look_after(scope, page, _revive).items()}
        after = page[-1][1]
    return total


def _open_cases(scope: Scope, after: str) -> list[tuple[str, str]]:
    return in_transaction(scope, lambda uow: list(store.open_cases(uow.conn, after, _PAGE)))


def _revive(scope: Scope, case_id: str) -> bool:
    case = in_transaction(scope, lambda uow: store.fetch_case(uow.conn, case_id))
    if case is None or case.status is not CaseStatus.OPEN:
        return False
    if case.execution_arn is None:
        _start(scope, case)
        return True
    if machines.is_running(case.execution_arn):
        in_transaction(scope, lambda uow: store.touch(uow.conn, case_id))
        return False
    following = in_transaction(scope, lambda uow: _name_next(uow, case))
    if following is None:
        return False
    _start(scope, following)
    return True


def _name_next(uow: UnitOfWork, seen: Case) -> Case | None:
    """Reserve the next machine's name, unless somebody else did meanwhile."""
    case = store.lock_case(uow.conn, seen.id)
    if case is None or case.status is not CaseStatus.OPEN or case.execution_name != seen.execution_name:
        return None
    store.name_next_execution(uow.conn, case.id)
    following = store.lock_case(uow.conn, case.id)
    assert following is not None, "a case that is locked"
    why = f"the machine {case.execution_name} had ended before the case did: {following.execution_name} takes over"
    store.add_entry(uow.conn, uow.workspace_id, case.id, Entry(uow.now, EntryKind.STEP, why))
    return following


def _start(scope: Scope, case: Case) -> None:
    arn = machines.start("recovery/dunning", case.execution_name, workspace_id=str(scope.workspace_id), case_id=case.id)
    in_transaction(scope, lambda uow: store.save_started(uow.conn, case.id, case.execution_name, arn))
