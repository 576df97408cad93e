"""Compare a sample of a connection's objects with the provider's listing, and repair what differs."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider
from oppulence.kernel.consume import Received, consumer
from oppulence.kernel.uow import Scope
from oppulence.sync import comparing
from oppulence.sync.events.reconciliations import ComparisonRequested


@consumer(
    ComparisonRequested, uses=(Postgres("sync"), Bus("sync"), Keys(), Provider("stripe")), batch=True, batch_size=1,
    timeout_s=60, concurrency=2,
)  # fmt: skip
def handler(received: list[Received]) -> None:
    for one in received:
        asked = one.event
        assert isinstance(asked, ComparisonRequested)
        comparing.compare(Scope("sync", one.envelope.workspace_id), asked.connection_id, asked.object_type, asked.day)
