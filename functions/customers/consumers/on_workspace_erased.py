"""Delete an erased workspace's customers, with their terms, subjects and links."""

from oppulence.customers import privacy
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.tenancy.events import WorkspaceErased


@consumer(WorkspaceErased, batch=True, uses=(Postgres("customers"),), timeout_s=300)
def handler(received: list[Received]) -> None:
    privacy.erase_workspace(received[0].envelope.workspace_id)
