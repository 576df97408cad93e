"""Accept an invitation: the signed-in person, whose verified e-mail address must be the invited one, becomes a member."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.auth import Principal
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.errors import AuthenticationError
from oppulence.kernel.http import Model, route
from oppulence.kernel.scopes import Role
from oppulence.kernel.uow import Scope
from oppulence.tenancy import members
from oppulence.tenancy.errors import AlreadyMember, InvitationExpired, InvitationForAnother, InvitationNotFound


class Acceptance(Model):
    token: Annotated[str, Field(min_length=1, max_length=200)]


class Joined(Model):
    id: str
    workspace_id: str
    role: Role


@route(
    "POST", "/v1/invitations/accept", access="user", status=201,
    errors=(AuthenticationError, InvitationNotFound, InvitationExpired, InvitationForAnother, AlreadyMember),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(scope: Scope, principal: Principal, body: Acceptance) -> Joined:
    if principal.person is None:
        raise AuthenticationError("Sign in with a user token.", param="Authorization")
    workspace_id, member = members.accept(scope, principal.person, body.token)
    return Joined(id=member.id, workspace_id=workspace_id, role=member.role)
