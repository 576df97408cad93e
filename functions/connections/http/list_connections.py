"""List connections, the newest first."""

from oppulence.connections import manage
from oppulence.connections.models import ConnectionQuery, ConnectionView
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork


@route("GET", "/v1/connections", scope="connections:read", uses=(Postgres("connections"),))
def handler(uow: UnitOfWork, query: ConnectionQuery) -> Page[ConnectionView]:
    return manage.page(uow, query)
