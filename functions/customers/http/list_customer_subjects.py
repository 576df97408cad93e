"""List a customer's usage subjects with their history: each period in which a subject is, or was, the customer's."""

from oppulence.customers import subjects
from oppulence.customers.errors import CustomerNotFound
from oppulence.customers.models import SubjectPeriod, SubjectQuery
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork


@route(
    "GET", "/v1/customers/{customer_id}/subjects", scope="customers:read", errors=(CustomerNotFound,),
    uses=(Postgres("customers"),),
)  # fmt: skip
def handler(uow: UnitOfWork, customer_id: str, query: SubjectQuery) -> Page[SubjectPeriod]:
    return subjects.page(uow, customer_id, query)
