"""Give the workspace a new data key. What older keys sealed stays readable; nothing is encrypted again."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import workspaces


class RotatedDataKey(Model):
    version: int


@route("POST", "/v1/workspace/rotate_key", scope="admin:*", uses=(Postgres("tenancy"), Keys()))
def handler(scope: Scope) -> RotatedDataKey:
    return RotatedDataKey(version=workspaces.rotate_data_key(scope))
