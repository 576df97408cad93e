"""Create a customer. With a key of your own, use PUT /v1/customers/by_key/{key} to create or change it."""

from oppulence.customers import manage
from oppulence.customers.errors import CustomerExists, InvalidKey, UnknownTimeZone
from oppulence.customers.models import Customer, NewCustomer
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/customers", scope="customers:write", status=201, errors=(CustomerExists, InvalidKey, UnknownTimeZone),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewCustomer) -> Customer:
    return manage.create(uow, body)
