"""Undo the workspace's scheduled deletion. Only a signed-in owner may."""

from oppulence.kernel.capabilities import Bucket, Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import deletion
from oppulence.tenancy.errors import DeletionNotScheduled, OwnerRequired
from oppulence.tenancy.models import WorkspaceView


@route(
    "POST", "/v1/workspace/restore", scope="admin:*", while_deleting=True, errors=(OwnerRequired, DeletionNotScheduled),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys(), Bucket("exports/", write=True)),
)  # fmt: skip
def handler(uow: UnitOfWork) -> WorkspaceView:
    return WorkspaceView.of(deletion.restore(uow))
