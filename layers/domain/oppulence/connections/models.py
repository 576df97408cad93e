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


EventSource = Annotated[
    str,
    Field(pattern=r"^aws\.partner/stripe\.com/[A-Za-z0-9_\-]{3,100}$", description="Stripe's EventBridge source, by its name."),
]
Status = Literal["active", "needs_reauth", "disconnected", "error"]


class NewConnection(Model):
    """A provider account to connect, by a key, by hand, or by an event source; a key and any of the others may go together."""

    provider: Literal["stripe"]
    api_key: Annotated[
        ApiKey | None, Field(description="Checked at Stripe first. With it, and no `webhook_secrets`, we register the endpoint.")
    ] = None
    webhook_secrets: Annotated[
        list[WebhookSecret] | None,
        Field(min_length=1, max_length=2, description="Of an endpoint made by hand: one, or two while rotating."),
    ] = None
    stripe_account: Annotated[
        str | None, Field(pattern="^acct_[A-Za-z0-9]{8,40}$", description="The account's id; with a key Stripe says it.")
    ] = None
    connect: Annotated[bool, Field(description="A Connect platform: events of its connected accounts come in as well.")] = False
    partner_event_source: EventSource | None = None
    metadata: Metadata = {}


class ConnectionChange(Model):
    """What is to change of a connection; what is not sent stays."""

    api_key: ApiKey | None = None
    partner_event_source: EventSource | None = None
    metadata: Metadata | None = None


class NewWebhookSecret(Model):
    """A signing secret to accept from now on, beside the present newest one."""

    secret: WebhookSecret


class AccountView(Model):
    """An account at a provider."""

    id: str
    name: str | None
    country: str | None
    currency: str | None


class ConnectionView(Model):
    """A connection; secrets never leave."""

    id: str
    provider: Literal["stripe"]
    status: Status
    status_reason: Annotated[str | None, Field(description="Why it needs a new key.")]
    provider_account_id: str | None
    accounts: Annotated[list[AccountView], Field(description="The account as the provider has it, where a key could ask.")]
    webhook_url: Annotated[str, Field(description="Where the provider sends its webhooks.")]
    webhook_endpoints: Annotated[list[str], Field(description="Endpoints that we registered at the provider, by its ids.")]
    partner_event_source: str | None
    connect: bool
    has_api_key: bool
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


class ConnectionQuery(PageQuery):
    """Filters of connections."""

    provider: Literal["stripe"] | None = None
    status: Status | None = None


class Accepted(Model):
    """A webhook is safe with us; processing follows."""

    received: Literal[True] = True
    event_id: str
