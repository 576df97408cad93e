"""Create the customer with this key, or change what is sent of the one that has it. An archived one comes back."""

from oppulence.customers import manage
from oppulence.customers.errors import CustomerExists, CustomerNotActive, InvalidKey, UnknownTimeZone
from oppulence.customers.models import Customer, CustomerDetails
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "PUT", "/v1/customers/by_key/{key}", greedy=True, scope="customers:write",
    errors=(InvalidKey, CustomerNotActive, CustomerExists, UnknownTimeZone),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, key: str, body: CustomerDetails) -> Customer:
    return manage.put(uow, key, body)
