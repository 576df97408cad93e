"""Check every hour that the books balance, in every workspace."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.ledger import checks


@schedule("1 hour", uses=(Postgres("ledger"),), timeout_s=900)
def handler(scope: Scope) -> dict[str, int]:
    return checks.check_all(scope)
