"""Start a machine for open cases that have none, or whose machine has ended before its time."""

from oppulence.kernel.capabilities import Machine, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.recovery import machines


@schedule("1 minute", uses=(Postgres("recovery"), Machine("recovery/dunning")), timeout_s=55)
def handler(scope: Scope) -> dict[str, int]:
    return machines.start_missing_machines(scope)
