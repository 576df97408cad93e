"""Delete an erased workspace's customers, with their terms, subjects and links."""

from oppulence.customers import privacy
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, uses=(Postgres("customers"),), timeout_s=60)
def handler(uow: UnitOfWork, event: WorkspaceErased) -> None:
    privacy.erase_workspace(uow)
