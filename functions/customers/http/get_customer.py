"""Get a customer. One that was merged says into which; one that was erased has no personal data."""

from oppulence.customers import manage
from oppulence.customers.errors import CustomerNotFound
from oppulence.customers.models import Customer
from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "GET", "/v1/customers/{customer_id}", scope="customers:read", personal="customer", errors=(CustomerNotFound,),
    uses=(Postgres("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str) -> Customer:
    return manage.get(uow, customer_id)
