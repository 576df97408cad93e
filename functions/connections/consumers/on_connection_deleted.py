"""Remove a deleted connection's endpoints at the provider, destroy its key, and see that its door is closed."""

from oppulence.connections import doors, endpoints
from oppulence.connections.events import ConnectionDeleted
from oppulence.kernel.capabilities import Keys, Postgres, Provider, Table
from oppulence.kernel.consume import Received, consumer
from oppulence.kernel.uow import Scope


@consumer(
    ConnectionDeleted, batch=True, timeout_s=60,
    uses=(Postgres("connections"), Keys(), Table("connections", write=True), Provider("stripe")),
)  # fmt: skip
def handler(received: list[Received]) -> None:
    for one in received:
        connection_id = one.envelope.data["connection_id"]
        doors.repair(one.envelope.workspace_id, connection_id)
        endpoints.say_farewell(Scope("connections", one.envelope.workspace_id), connection_id)
