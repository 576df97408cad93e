"""Fail an import whose machine gives up."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.imports import reading
from oppulence.metering.imports.reading import Run


class Input(Model):
    workspace_id: str
    import_id: str
    execution: str
    error: str
    traceparent: str | None = None


class Output(Model):
    recorded: bool


@task(uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, input: Input) -> Output:
    reading.give_up(uow, Run(input.import_id, input.execution), input.error)
    return Output(recorded=True)
