"""Make the exports of schedules whose period is over, and take up those that nobody works on."""

from oppulence.kernel.capabilities import Bus, Postgres, Table
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering.exports import due


@schedule("5 minutes", uses=(Postgres("metering"), Bus("metering"), Table("limits")), timeout_s=60)
def handler(scope: Scope) -> dict[str, int]:
    return due.start(scope)
