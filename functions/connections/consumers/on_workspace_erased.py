"""Delete an erased workspace's connections, and what the doors know of them."""

from oppulence.connections import doors
from oppulence.kernel.capabilities import Postgres, Table
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("connections"), Table("connections", write=True)))
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    doors.erase(uow)
