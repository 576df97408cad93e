"""What the API takes and shows of connections."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model

WebhookSecret = Annotated[
    str, Field(pattern=r"^whsec_[A-Za-z0-9+/=_\-]{8,200}$", description="The endpoint's signing secret, `whsec_…`.")
]
ApiKey = Annotated[
    str, Field(pattern=r"^(sk|rk)_(live|test)_[A-Za-z0-9]{8,250}$", description="A secret or restricted API key. Kept encrypted.")
]
MetadataText = Annotated[str, Field(max_length=500)]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=40)], MetadataText], Field(max_length=50, description="Your own notes.")
]


class NewConnection(Model):
    """A provider account to connect."""

    provider: Literal["stripe"]
    api_key: ApiKey | None = None
    webhook_secrets: Annotated[list[WebhookSecret], Field(min_length=1, max_length=2, description="One, or two while rotating.")]
    stripe_account: Annotated[str | None, Field(pattern="^acct_[A-Za-z0-9]{8,40}$", description="The account's id.")] = None
    metadata: Metadata = {}


class NewWebhookSecret(Model):
    """A signing secret to accept from now on, beside the present newest one."""

    secret: WebhookSecret


class ConnectionView(Model):
    """A connection; secrets never leave."""

    id: str
    provider: Literal["stripe"]
    status: Literal["active", "needs_reauth", "disconnected", "error"]
    provider_account_id: str | None
    webhook_url: Annotated[str, Field(description="Where the provider sends its webhooks.")]
    has_api_key: bool
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


class ConnectionQuery(PageQuery):
    """Filters of connections."""

    provider: Literal["stripe"] | None = None
    status: Literal["active", "needs_reauth", "disconnected", "error"] | None = None


class Accepted(Model):
    """A webhook is safe with us; processing follows."""

    received: Literal[True] = True
    event_id: str
