"""Get a connection."""

from oppulence.connections import manage
from oppulence.connections.errors import ConnectionNotFound
from oppulence.connections.models import ConnectionView
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "GET",
    "/v1/connections/{connection_id}",
    scope="connections:read",
    errors=(ConnectionNotFound,),
    uses=(Postgres("connections"),),
)
def handler(uow: UnitOfWork, connection_id: str) -> ConnectionView:
    return manage.get(uow, connection_id)
