"""Facts about customers. None carries a name, an address or any other personal data; keys and subjects are opaque ids."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from oppulence.kernel.events import Event


class CustomerFact(Event):
    """What all facts about a customer carry."""

    customer_id: str
    customer_version: Annotated[int, Field(description="Rises with each change of the customer; read models drop a lower one.")]


class CustomerCreated(CustomerFact, type="customers.customer.created", version=1):
    """A customer exists. Told once per customer."""


class CustomerUpdated(CustomerFact, type="customers.customer.updated", version=1):
    """A customer changed. A change from archived to active is one of the field `status`."""

    changed: Annotated[list[str], Field(description="Names of the fields that changed; `links` for its provider customers.")]


class CustomerMerged(CustomerFact, type="customers.customer.merged", version=1):
    """Another customer was found to be this one: its subjects, with their whole history, and its links are this one's now."""

    merged_customer_id: Annotated[str, Field(description="The customer that is no more; its id keeps resolving to this one.")]


class CustomerErased(CustomerFact, type="customers.customer.erased", version=1):
    """A customer's personal data are gone for good. Whoever copied any deletes them; amounts stay, under the same id."""


class CustomerArchived(CustomerFact, type="customers.customer.archived", version=1):
    """A customer takes no part any more."""

    deleted: Annotated[bool, Field(description="Nothing referred to it, so it is gone altogether.")]


class SubjectMoved(Event, type="customers.subject.moved", version=1):
    """From an instant on a usage subject belongs to another customer, or to nobody."""

    subject: str
    from_customer_id: Annotated[str | None, Field(description="Whose it was at that instant, as known until now.")]
    to_customer_id: str | None
    valid_from: Annotated[datetime | None, Field(description="Null: from its first usage on.")]
    subject_version: Annotated[int, Field(description="Rises with each move of the subject.")]
