"""Connect a provider account."""

from oppulence.connections import manage
from oppulence.connections.errors import ConnectionExists
from oppulence.connections.models import ConnectionView, NewConnection
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/connections", scope="connections:write", status=201, errors=(ConnectionExists,),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True)),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewConnection) -> ConnectionView:
    return manage.create(uow, body)
