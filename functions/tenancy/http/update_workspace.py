"""Change the workspace's name and settings. Only what is sent changes."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import workspaces
from oppulence.tenancy.errors import UnknownTimeZone
from oppulence.tenancy.models import Name, Settings, WorkspaceView


class WorkspaceChange(Model):
    name: Name | None = None
    settings: Settings | None = None


@route(
    "PATCH", "/v1/workspace", scope="settings:write", errors=(UnknownTimeZone,),
    uses=(Postgres("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: WorkspaceChange) -> WorkspaceView:
    return WorkspaceView.of(workspaces.change(uow, body.name, body.settings))
