"""Schedule the workspace's deletion, after an export. Until it is due, an owner can undo it; then data and data key are erased.

Only a signed-in owner may. The workspace refuses requests from now on. The erasure is final when the last backup that was
made before it has expired.
"""

from oppulence.kernel.capabilities import Bucket, Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import deletion
from oppulence.tenancy.errors import DeletionScheduled, OwnerRequired
from oppulence.tenancy.models import WorkspaceView


@route(
    "DELETE", "/v1/workspace", scope="admin:*", status=202, while_deleting=True, errors=(OwnerRequired, DeletionScheduled),
    timeout_s=28, uses=(Postgres("tenancy"), Bus("tenancy"), Keys(), Bucket("exports/", write=True)),
)  # fmt: skip
def handler(scope: Scope) -> WorkspaceView:
    return WorkspaceView.of(deletion.schedule(scope))
