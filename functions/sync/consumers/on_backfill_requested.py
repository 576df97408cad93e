"""Start the machines of a backfill that was asked for."""

from oppulence.kernel.capabilities import Bus, Machine, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync.backfill import machines
from oppulence.sync.events import BackfillRequested


@consumer(BackfillRequested, uses=(Postgres("sync"), Bus("sync"), Machine("sync/backfill")), batch=True, timeout_s=60)
def handler(received: list[Received]) -> None:
    machines.start_asked(received)
