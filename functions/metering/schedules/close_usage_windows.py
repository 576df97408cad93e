"""Close the hours that ended some minutes ago: tell what usage each meter had in them."""

from oppulence.kernel.capabilities import Bus, ClickHouse, Postgres, Table
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering import closings


@schedule("5 minutes", uses=(Postgres("metering"), Bus("metering"), ClickHouse(), Table("limits")), timeout_s=240)
def handler(scope: Scope) -> dict[str, int]:
    return closings.close(scope)
