"""Change a customer. Only what is sent changes; with `version` only if nobody else changed it meanwhile."""

from oppulence.customers import manage
from oppulence.customers.errors import (
    CustomerChanged,
    CustomerExists,
    CustomerNotActive,
    CustomerNotFound,
    InvalidKey,
    UnknownTimeZone,
)
from oppulence.customers.models import Customer, CustomerChange
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "PATCH", "/v1/customers/{customer_id}", scope="customers:write",
    errors=(CustomerNotFound, CustomerNotActive, CustomerChanged, CustomerExists, InvalidKey, UnknownTimeZone),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str, body: CustomerChange) -> Customer:
    return manage.change(uow, customer_id, body)
