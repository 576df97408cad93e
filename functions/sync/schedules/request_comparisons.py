"""Have a sample of every connection's objects compared with the provider's listing."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync import comparing


@schedule("1 hour", uses=(Postgres("sync"), Bus("sync")), timeout_s=60)
def handler(scope: Scope) -> dict[str, int]:
    return comparing.request_all(scope)
