"""Delete an erased workspace's states and analytical rows."""

from oppulence.analytics import workspaces
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("analytics"), ClickHouse()), timeout_s=60)
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    workspaces.erase(uow)
