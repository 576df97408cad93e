"""Events of connections: what happens to them, and each verified webhook."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.events import Event


class ConnectionCreated(Event, type="connections.connection.created", version=1):
    """A workspace connected a provider. Emitted once per connection."""

    connection_id: str
    provider: str


class ConnectionUpdated(Event, type="connections.connection.updated", version=1):
    """A connection's status, secrets or metadata changed."""

    connection_id: str
    provider: str


class ConnectionNeedsReauth(Event, type="connections.connection.needs_reauth", version=1):
    """A connection's API key stopped working. Webhooks still come in; nothing can be asked until it gets a good key."""

    connection_id: str
    provider: str
    reason: str


class ConnectionDeleted(Event, type="connections.connection.deleted", version=1):
    """A workspace removed a connection; its doors answer no more."""

    connection_id: str
    provider: str


class WebhookReceived(Event, type="connections.webhook.received", version=1):
    """A provider's webhook passed its door: signature and age were right. On the inbound bus, not the domain bus.

    The body travels sealed under the workspace's key, as base64 in `sealed_body`, or, when large, as an object at `s3_key`.
    """

    connection_id: str
    provider: str
    provider_event_id: Annotated[str | None, Field(description="The provider's own id of the event, when the body has one.")]
    account: Annotated[str | None, Field(description="Connected account that the event is about; null for the connection's own.")]
    mode: Annotated[Literal["live", "test", "unknown"], Field(description="What the body says of itself.")]
    via: Literal["webhook", "partner"] = "webhook"
    received_at: datetime
    signed_at: Annotated[datetime | None, Field(description="The time in the provider's signature, where it has one.")] = None
    sha256: Annotated[str, Field(description="Of the exact bytes, hex.")]
    sealed_body: str | None = None
    s3_key: str | None = None
