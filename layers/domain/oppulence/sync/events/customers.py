"""Facts about customers: ids only, no personal data."""

from typing import Annotated

from pydantic import Field

from oppulence.sync.events.base import ObjectFact


class CustomerFact(ObjectFact):
    """A fact about a provider's customer. It carries ids only, no personal data."""

    key: Annotated[
        str | None,
        Field(max_length=255, description="The workspace's own id of the customer, which the provider's metadata carry."),
    ]


class CustomerCreated(CustomerFact, type="sync.customer.created", version=1):
    """The mirror knows a customer. Told with the first state that was seen of it, unless that is its removal."""


class CustomerUpdated(CustomerFact, type="sync.customer.updated", version=1):
    """The mirror has a later state of a customer. Told once per `object_version`; a state overtaken on the way is not."""


class CustomerDeleted(CustomerFact, type="sync.customer.deleted", version=1):
    """The provider has removed a customer, and will not bring it back."""
