"""Delete an erased workspace's mirror, here and in the analytical store."""

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import erasure
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("sync"), ClickHouse()), timeout_s=60)
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    erasure.erase(uow)
