"""Fail a type whose machine gives up, so that the backfill can end."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.http import Model
from oppulence.kernel.tasks import task
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import pages
from oppulence.sync.backfill.pages import Run


class Input(Model):
    workspace_id: str
    backfill_id: str
    object_type: str
    execution: str
    error: str
    traceparent: str | None = None


class Output(Model):
    recorded: bool


@task(uses=(Postgres("sync"), Bus("sync")))
def handler(uow: UnitOfWork, input: Input) -> Output:
    pages.give_up(uow, Run(input.backfill_id, input.object_type, input.execution), input.error)
    return Output(recorded=True)
