"""Merge another customer into this one: its subjects, links and whatever this one lacks. The other one's id and key lead here."""

from oppulence.customers import merging
from oppulence.customers.errors import CustomerNotActive, CustomerNotFound, CustomersTooLarge, SameCustomer
from oppulence.customers.models import Customer, CustomerMerge
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/customers/{customer_id}/merge", scope="customers:write",
    errors=(SameCustomer, CustomerNotFound, CustomerNotActive, CustomersTooLarge),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str, body: CustomerMerge) -> Customer:
    return merging.merge(uow, customer_id, body.from_id)
