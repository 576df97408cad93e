"""Start machines of running imports that were never started, or that ended before their time."""

from oppulence.kernel.capabilities import Machine, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering.imports import machines


@schedule("1 minute", uses=(Postgres("metering"), Machine("metering/usage_import")), timeout_s=55)
def handler(scope: Scope) -> dict[str, int]:
    return machines.start_missing(scope)
