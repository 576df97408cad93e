"""Archive a customer; one that nothing refers to is deleted. To remove personal data, erase it.

One that was never billed, and has no subject but its keys, is deleted as if it had never been: its usage is nobody's, also when
it is asked for `as_of` an earlier moment. Whoever was billed is archived, and keeps its usage.
"""

from oppulence.customers import manage
from oppulence.customers.errors import CustomerNotActive, CustomerNotFound
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "DELETE", "/v1/customers/{customer_id}", scope="customers:write", status=204, errors=(CustomerNotFound, CustomerNotActive),
    uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str) -> None:
    manage.remove(uow, customer_id)
