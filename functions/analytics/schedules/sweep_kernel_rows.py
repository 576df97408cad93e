"""Drop kernel rows past their use. Analytics emits nothing, so there is nothing to publish."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.sweep import sweep
from oppulence.kernel.uow import Scope


@schedule("1 hour", uses=(Postgres("analytics"),))
def handler(scope: Scope) -> dict[str, int]:
    return sweep(scope)
