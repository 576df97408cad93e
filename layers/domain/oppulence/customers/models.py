"""What the API takes and shows of customers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from oppulence.kernel.instant import Instant
from oppulence.kernel.money import Currency
from oppulence.kernel.pagination import PageQuery
from oppulence.kernel.request import Model

KEY_PATTERN = r"^[^\s\x00-\x1f\x7f]{1,255}$"
EMAILS_MAX, TAX_IDS_MAX, METADATA_MAX = 10, 10, 50

Key = Annotated[
    str,
    Field(
        pattern=KEY_PATTERN,
        description="Your own id of the customer: unique, opaque, without personal meaning, unlike our ids. It is one of the"
        " customer's usage subjects, unless a subject of that name was given to another customer, who then has its usage.",
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]
EmailAddress = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()./-]{2,31}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Locale = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$", description="BCP 47, such as `de-AT`.")]
TimeZone = Annotated[str, Field(max_length=64, description="IANA name, such as `Europe/Vienna`.")]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[str, Field(max_length=500)]],
    Field(max_length=METADATA_MAX, description="Your own notes. Erased with the customer."),
]
Subject = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$", description="What usage events are about."),
]


class CustomerStatus(StrEnum):
    """A customer's life: `archived` can come back, `merged` and `erased` are tombstones."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    MERGED = "merged"
    ERASED = "erased"


class Address(Model):
    """A postal address."""

    line1: Line | None = None
    line2: Line | None = None
    city: Line | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    state: Line | None = None
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")] = None


class TaxId(Model):
    """A number under which an authority knows the customer."""

    type: Annotated[str, Field(pattern="^[a-z]{2}_[a-z0-9_]{2,20}$", description="Such as `eu_vat` or `us_ein`.")]
    value: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]


class CustomerDetails(Model):
    """What a customer is described by. In a change only the fields that are sent count; null empties one."""

    name: Name | None = None
    emails: Annotated[list[EmailAddress] | None, Field(max_length=EMAILS_MAX)] = None
    phone: Phone | None = None
    address: Address | None = None
    tax_ids: Annotated[list[TaxId] | None, Field(max_length=TAX_IDS_MAX)] = None
    currency: Currency | None = None
    locale: Locale | None = None
    time_zone: TimeZone | None = None
    metadata: Metadata | None = None


class NewCustomer(CustomerDetails):
    """A customer to be."""

    key: Key | None = None


class CustomerChange(NewCustomer):
    """A change of a customer."""

    status: Annotated[Literal[CustomerStatus.ACTIVE], Field(description="`active` brings an archived customer back.")] = (
        CustomerStatus.ACTIVE
    )

    version: Annotated[int | None, Field(description="Change only this version of the customer; another one is refused.")] = None


class Row(BaseModel):
    """Base of what is read from the database."""

    model_config = ConfigDict(frozen=True)


class ProviderLink(Row):
    """A provider's customer that is this one."""

    provider: str
    account: Annotated[str | None, Field(description="Connected account; null for the connection's own.")]
    provider_customer_id: str
    deleted: Annotated[bool, Field(description="The provider has removed it.")]
    linked_at: datetime


class CustomerRow(Row):
    """A customer as it is stored, but for its links."""

    id: str
    key: str | None
    status: CustomerStatus
    merged_into: Annotated[str | None, Field(description="The customer that a merged one is now.")]
    name: str | None
    emails: list[str]
    phone: str | None
    address: Address | None
    tax_ids: list[TaxId]
    currency: str | None
    locale: str | None
    time_zone: str | None
    metadata: dict[str, str]
    version: int
    created_at: datetime
    updated_at: datetime


class Customer(CustomerRow):
    """A customer."""

    links: list[ProviderLink]


class CustomerQuery(PageQuery):
    """Filters of customers."""

    query: Annotated[
        str | None,
        Field(max_length=200, description="Words, each the beginning of the key, of an e-mail address or of a word of the name."),
    ] = None
    key: Annotated[str | None, Field(max_length=255, description="Only the customer with this key.")] = None
    status: CustomerStatus = CustomerStatus.ACTIVE


class NewSubject(Model):
    """A usage subject for a customer."""

    subject: Subject
    valid_from: Annotated[
        Instant | None,
        Field(description="From when on it is the customer's; now if left out, or, if nobody has had it yet, its first usage."),
    ] = None


class SubjectPeriod(Row):
    """A time in which a subject belongs to a customer, both as known now."""

    subject: str
    customer_id: str
    valid_from: Annotated[datetime | None, Field(description="Null: since its first usage.")]
    valid_until: Annotated[datetime | None, Field(description="The first instant at which it does not; null: it still does.")]


class SubjectQuery(PageQuery):
    """Filters of a customer's subjects."""

    at: Annotated[Instant | None, Field(description="Only those that are the customer's at this instant.")] = None


class RemovalQuery(Model):
    """When a subject stops being a customer's."""

    valid_until: Annotated[Instant | None, Field(description="Now if left out.")] = None


class CustomerMerge(Model):
    """Which customer is one with this one."""

    from_id: Annotated[str, Field(alias="from", max_length=64, description="Id of the customer that ends.")]


class CustomerExport(Row):
    """All that is kept of a customer here."""

    kind: Literal["customer_export"] = "customer_export"
    exported_at: datetime
    customer: Customer
    merged_customers: Annotated[list[CustomerRow], Field(description="Tombstones of customers that were merged into it.")]
    subjects: list[SubjectPeriod]
    more_subjects: Annotated[bool, Field(description="There are more than these; GET .../subjects lists them all.")]
