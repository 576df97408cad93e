"""List customers, the newest first, or search them. Each word of a search begins a key, an address or a word of a name."""

from oppulence.customers import manage
from oppulence.customers.errors import TooManyWords
from oppulence.customers.models import Customer, CustomerQuery
from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork


@route(
    "GET", "/v1/customers", scope="customers:read", personal="customer", errors=(TooManyWords,),
    uses=(Postgres("customers"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, query: CustomerQuery) -> Page[Customer]:
    return manage.page(uow, query)
