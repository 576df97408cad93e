"""Revoke an API key. It stops working everywhere within 30 seconds."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.tenancy import api_keys
from oppulence.tenancy.errors import ApiKeyNotFound


@route(
    "DELETE", "/v1/api_keys/{api_key_id}", scope="api_keys:write", status=204, errors=(ApiKeyNotFound,),
    uses=(Postgres("tenancy"), Bus("tenancy"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, api_key_id: str) -> None:
    api_keys.revoke(uow, api_key_id)
