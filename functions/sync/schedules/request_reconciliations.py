"""Have every connection's events compared with the provider's own list."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync import reconciling


@schedule("5 minutes", uses=(Postgres("sync"), Bus("sync")), timeout_s=60)
def handler(scope: Scope) -> dict[str, int]:
    return reconciling.request_all(scope)
