"""Give a member another role. Nobody gives more than they have, and a workspace keeps at least one owner."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.scopes import Role
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import members
from oppulence.tenancy.errors import EscalationRefused, LastOwner, MemberNotFound
from oppulence.tenancy.models import Member


class RoleChange(Model):
    role: Role


@route(
    "PATCH", "/v1/members/{member_id}", scope="settings:write", personal="member",
    errors=(MemberNotFound, EscalationRefused, LastOwner), uses=(Postgres("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, member_id: str, body: RoleChange) -> Member:
    return members.change_role(uow, member_id, body.role)
