"""Delete an erased workspace's meters."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("metering"),), timeout_s=60)
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    meters.erase_workspace(uow)
