"""Give an API key a successor with the same scopes. The old key works on until the overlap ends."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api_keys
from oppulence.tenancy.errors import ApiKeyAlreadyRotated, ApiKeyNotFound, ApiKeyRevoked, EscalationRefused
from oppulence.tenancy.models import CreatedApiKey

DAY_S = 86_400


class Rotation(Model):
    overlap_s: Annotated[int, Field(ge=0, le=7 * DAY_S, description="Seconds that the old key still works.")] = DAY_S


@route(
    "POST", "/v1/api_keys/{api_key_id}/rotate", scope="api_keys:write", status=201,
    errors=(ApiKeyNotFound, ApiKeyRevoked, ApiKeyAlreadyRotated, EscalationRefused),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, api_key_id: str, body: Rotation) -> CreatedApiKey:
    issued = api_keys.rotate(uow, api_key_id, timedelta(seconds=body.overlap_s))
    return CreatedApiKey.of(issued.key, issued.secret)
