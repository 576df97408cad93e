"""Invite somebody by e-mail. The token that accepts the invitation is shown this once, and works for seven days."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import Model, Secret, route
from oppulence.kernel.scopes import Role
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import members
from oppulence.tenancy.errors import AlreadyMember, EscalationRefused
from oppulence.tenancy.models import EmailAddress


class NewMember(Model):
    email: EmailAddress
    role: Role


class CreatedInvitation(Model):
    id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime
    token: Annotated[str | None, Secret(), Field(description="Send it to the invited person.")]


@route(
    "POST", "/v1/members", scope="settings:write", status=201, errors=(EscalationRefused, AlreadyMember),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewMember) -> CreatedInvitation:
    invitation, token = members.invite(uow, body.email, body.role)
    return CreatedInvitation(**invitation.model_dump(), token=token)
