"""Give a customer a usage subject from an instant on, whosever it was. Usage before that instant stays attributed as it is."""

from oppulence.customers import subjects
from oppulence.customers.errors import CustomerNotActive, CustomerNotFound, InvalidInstant
from oppulence.customers.models import NewSubject, SubjectPeriod
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/customers/{customer_id}/subjects", scope="customers:write", status=201,
    errors=(CustomerNotFound, CustomerNotActive, InvalidInstant), uses=(Postgres("customers"), Bus("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str, body: NewSubject) -> SubjectPeriod:
    return subjects.give(uow, customer_id, body)
