"""Take a usage subject from a customer, from an instant on. Then it is nobody's; usage before stays the customer's."""

from oppulence.customers import subjects
from oppulence.customers.errors import CustomerNotFound, InvalidInstant, SubjectNotFound
from oppulence.customers.models import RemovalQuery
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "DELETE", "/v1/customers/{customer_id}/subjects/{subject}", greedy=True, scope="customers:write", status=204,
    errors=(CustomerNotFound, SubjectNotFound, InvalidInstant), uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str, subject: str, query: RemovalQuery) -> None:
    subjects.take(uow, customer_id, subject, query.valid_until)
