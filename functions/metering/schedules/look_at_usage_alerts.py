"""Look at alerts whose usage changed, or whose period began, and tell of thresholds that are reached."""

from oppulence.kernel.capabilities import Bus, ClickHouse, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering.alerts import looking


@schedule("1 minute", uses=(Postgres("metering"), Bus("metering"), ClickHouse()), timeout_s=120)
def handler(scope: Scope) -> dict[str, int]:
    return looking.look_everywhere(scope)
