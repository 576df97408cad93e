"""Delete an erased workspace's cases, with their steps and timelines."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import cases
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    cases.erase(uow)
