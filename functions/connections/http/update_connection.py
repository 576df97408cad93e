"""Change a connection: its API key, which is checked first, its event source, its metadata."""

from oppulence.connections import connecting
from oppulence.connections.errors import ConnectionExists, ConnectionNotFound, KeyNotUsable, ProviderBusy, ProviderUnavailable
from oppulence.connections.models import ConnectionChange, ConnectionView
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope


@route(
    "PATCH", "/v1/connections/{connection_id}", scope="connections:write", timeout_s=29,
    errors=(ConnectionNotFound, ConnectionExists, KeyNotUsable, ProviderBusy, ProviderUnavailable),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(scope: Scope, connection_id: str, body: ConnectionChange) -> ConnectionView:
    return connecting.change(scope, connection_id, body)
