"""Publish metering's events that stayed behind, and drop kernel rows past their use."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.sweep import sweep
from oppulence.kernel.uow import Scope


@schedule("1 minute", uses=(Postgres("metering"), Bus("metering")))
def handler(scope: Scope) -> dict[str, int]:
    return sweep(scope)
