"""Erase a customer's personal data for good. Its id, subjects and links stay, so that amounts keep their customer.

A key that is personal itself, such as an address, and the keys of customers that were merged into it are replaced.
"""

from oppulence.customers import privacy
from oppulence.customers.errors import CustomerNotActive, CustomerNotFound
from oppulence.customers.models import Customer
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/customers/{customer_id}/erase", scope="customers:write", errors=(CustomerNotFound, CustomerNotActive),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str) -> Customer:
    return privacy.erase(uow, customer_id)
