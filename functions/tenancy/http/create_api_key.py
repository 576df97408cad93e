"""Create an API key with some of the scopes that the caller has. The key is shown this once."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.instant import Instant
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api_keys
from oppulence.tenancy.api_keys import KeySpec
from oppulence.tenancy.errors import EscalationRefused, ExpiryInThePast, UnknownScope
from oppulence.tenancy.models import CreatedApiKey, Name


class NewApiKey(Model):
    name: Name
    scopes: Annotated[list[str], Field(min_length=1, max_length=50)]
    expires_at: Annotated[Instant | None, Field(description="When it stops working; never, if left out.")] = None
    rate_limit_per_minute: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="Below the plan's limit, for this key alone.")
    ] = None


@route(
    "POST", "/v1/api_keys", scope="api_keys:write", status=201, errors=(UnknownScope, EscalationRefused, ExpiryInThePast),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewApiKey) -> CreatedApiKey:
    spec = KeySpec(body.name, tuple(body.scopes), body.expires_at, body.rate_limit_per_minute)
    issued = api_keys.create(uow, spec)
    return CreatedApiKey.of(issued.key, issued.secret)
