"""Ask the provider whether a connection's key is good: it is `active`, or `needs_reauth` with the reason."""

from oppulence.connections import connecting
from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound, ProviderBusy, ProviderUnavailable
from oppulence.connections.models import ConnectionView
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope


@route(
    "POST", "/v1/connections/{connection_id}/check", scope="connections:write", timeout_s=29,
    errors=(ConnectionNotFound, ConnectionHasNoKey, ProviderBusy, ProviderUnavailable),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(scope: Scope, connection_id: str) -> ConnectionView:
    return connecting.check(scope, connection_id)
