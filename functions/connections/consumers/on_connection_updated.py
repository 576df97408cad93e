"""Write a updated connection's items for the doors again, in case the first writing failed."""

from oppulence.connections import doors
from oppulence.connections.events import ConnectionUpdated
from oppulence.kernel.capabilities import Keys, Postgres, Table
from oppulence.kernel.consume import Received, consumer


@consumer(ConnectionUpdated, uses=(Postgres("connections"), Keys(), Table("connections", write=True)), batch=True)
def handler(received: list[Received]) -> None:
    for one in received:
        doors.repair(one.envelope.workspace_id, one.envelope.data["connection_id"])
