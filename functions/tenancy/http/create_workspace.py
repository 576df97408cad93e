"""Create a workspace. The signed-in person becomes its owner; the answer holds a key that may do everything, shown once."""

from typing import Annotated

from oppulence.kernel.auth import Principal
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.errors import AuthenticationError
from oppulence.kernel.http import Model, Secret, route
from oppulence.kernel.uow import Scope
from oppulence.tenancy import workspaces
from oppulence.tenancy.models import Mode, Name


class NewWorkspace(Model):
    name: Name
    mode: Mode = Mode.TEST


class CreatedWorkspace(Model):
    id: str
    name: str
    slug: str
    mode: Mode
    plan: str
    api_key: Annotated[str | None, Secret()]


@route(
    "POST", "/v1/workspaces", access="user", status=201, errors=(AuthenticationError,),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(scope: Scope, principal: Principal, body: NewWorkspace) -> CreatedWorkspace:
    if principal.person is None:
        raise AuthenticationError("Sign in with a user token.", param="Authorization")
    workspace, key = workspaces.create(scope, principal.person, body.name, body.mode)
    shown = workspace.model_dump(include={"id", "name", "slug", "mode", "plan"})
    return CreatedWorkspace(**shown, api_key=key.secret)
