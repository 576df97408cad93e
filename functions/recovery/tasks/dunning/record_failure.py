"""Note in a case's timeline that its machine gave up, so that the sweep starts another one."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import dunning
from oppulence.recovery.dunning import Run


class Input(Model):
    workspace_id: str
    case_id: str
    execution: str
    error: str
    traceparent: str | None = None


class Output(Model):
    recorded: bool


@task(uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, input: Input) -> Output:
    dunning.record_failure(uow, Run(input.case_id, input.execution), input.error)
    return Output(recorded=True)
