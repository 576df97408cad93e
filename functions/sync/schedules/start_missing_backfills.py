"""Start machines of running backfills that were never started, or that ended before their time."""

from oppulence.kernel.capabilities import Bus, Machine, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync.backfill import machines


@schedule("1 minute", uses=(Postgres("sync"), Bus("sync"), Machine("sync/backfill")), timeout_s=55)
def handler(scope: Scope) -> dict[str, int]:
    return machines.start_missing(scope)
