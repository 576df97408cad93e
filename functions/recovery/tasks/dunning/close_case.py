"""Close a case whose cadence is over or whose invoice is final, unless something has changed since it was decided."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import dunning
from oppulence.recovery.dunning import Run


class Input(Model):
    workspace_id: str
    case_id: str
    execution: str
    traceparent: str | None = None


class Output(Model):
    closed: bool


@task(uses=(Postgres("recovery"), Bus("recovery")))
def handler(uow: UnitOfWork, input: Input) -> Output:
    return Output(closed=dunning.close_case(uow, Run(input.case_id, input.execution)))
