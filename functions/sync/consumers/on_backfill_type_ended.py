"""Start the machines of a backfill's types that waited for another one to end."""

from oppulence.kernel.capabilities import Bus, Machine, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync.backfill import machines
from oppulence.sync.events import BackfillTypeEnded


@consumer(BackfillTypeEnded, uses=(Postgres("sync"), Bus("sync"), Machine("sync/backfill")), batch=True, timeout_s=60)
def handler(received: list[Received]) -> None:
    machines.start_asked(received)
