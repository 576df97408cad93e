"""Read the workspace: its settings, plan and state, and the link to its export while its deletion can be undone."""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import workspaces
from oppulence.tenancy.models import WorkspaceView


@route(
    "GET", "/v1/workspace", scope="settings:read", while_deleting=True,
    uses=(Postgres("tenancy"), Keys(), Bucket("exports/")),
)  # fmt: skip
def handler(uow: UnitOfWork) -> WorkspaceView:
    return workspaces.show(uow)
