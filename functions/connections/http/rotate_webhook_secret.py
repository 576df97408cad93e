"""Replace the webhook endpoint at the provider, and with it its signing secret.

A new endpoint is made, both secrets are accepted, then the old endpoint is deleted and its secret forgotten.
"""

from oppulence.connections import connecting
from oppulence.connections.errors import (
    ConnectionHasNoKey,
    ConnectionNotFound,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.connections.models import ConnectionView
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope


@route(
    "POST", "/v1/connections/{connection_id}/rotate_webhook_secret", scope="connections:write", timeout_s=29,
    errors=(ConnectionNotFound, ConnectionHasNoKey, ProviderKeyRefused, ProviderRefused, ProviderBusy, ProviderUnavailable),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(scope: Scope, connection_id: str) -> ConnectionView:
    return connecting.rotate(scope, connection_id)
