"""Connect a provider account.

With an API key the key is checked first, and the webhook endpoint is registered at the provider. With `webhook_secrets` the
endpoint is one that you made there, pointing to the answer's `webhook_url`.
"""

from oppulence.connections import connecting
from oppulence.connections.errors import (
    ConnectionExists,
    KeyNotUsable,
    NothingToConnectWith,
    ProviderBusy,
    ProviderKeyRefused,
    ProviderRefused,
    ProviderUnavailable,
)
from oppulence.connections.models import ConnectionView, NewConnection
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope


@route(
    "POST", "/v1/connections", scope="connections:write", status=201, timeout_s=29,
    errors=(ConnectionExists, KeyNotUsable, NothingToConnectWith, ProviderRefused, ProviderBusy, ProviderKeyRefused,
        ProviderUnavailable),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(scope: Scope, body: NewConnection) -> ConnectionView:
    return connecting.connect(scope, body)
