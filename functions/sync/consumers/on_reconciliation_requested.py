"""Find a connection's gaps and close them."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres, Provider
from oppulence.kernel.consume import Received, consumer
from oppulence.kernel.uow import Scope
from oppulence.sync import reconciling
from oppulence.sync.events.reconciliations import ReconciliationRequested


@consumer(
    ReconciliationRequested, uses=(Postgres("sync"), Bus("sync"), Keys(), Provider("stripe")), batch=True, batch_size=1,
    timeout_s=75, concurrency=5,
)  # fmt: skip
def handler(received: list[Received]) -> None:
    for one in received:
        assert isinstance(one.event, ReconciliationRequested)
        reconciling.reconcile(Scope("sync", one.envelope.workspace_id), one.event.connection_id)
