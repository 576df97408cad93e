"""End a membership, or withdraw an open invitation. Keys that the person made stay: they belong to the workspace."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import members
from oppulence.tenancy.errors import EscalationRefused, LastOwner, MemberNotFound


@route(
    "DELETE", "/v1/members/{member_id}", scope="settings:write", status=204,
    errors=(MemberNotFound, EscalationRefused, LastOwner), uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, member_id: str) -> None:
    members.remove(uow, member_id)
