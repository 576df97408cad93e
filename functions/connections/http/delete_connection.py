"""Remove a connection: its door closes and its credentials are destroyed."""

from oppulence.connections import manage
from oppulence.connections.errors import ConnectionNotFound
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "DELETE", "/v1/connections/{connection_id}", scope="connections:write", status=204, errors=(ConnectionNotFound,),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True)),
)  # fmt: skip
def handler(uow: UnitOfWork, connection_id: str) -> None:
    manage.remove(uow, connection_id)
