"""Export all that is kept of a customer here, for the person who asks for their data."""

from oppulence.customers import privacy
from oppulence.customers.errors import CustomerNotFound
from oppulence.customers.models import CustomerExport
from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "GET", "/v1/customers/{customer_id}/export", scope="customers:read", personal="customer_export", errors=(CustomerNotFound,),
    uses=(Postgres("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str) -> CustomerExport:
    return privacy.export(uow, customer_id)
