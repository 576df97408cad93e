"""Write a notice into the audit log for each API key that has become 90 days old."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.tenancy import api_keys


@schedule("1 day", uses=(Postgres("tenancy"), Keys()), timeout_s=300)
def handler(scope: Scope) -> dict[str, int]:
    return {"noticed": api_keys.notice_aged(scope)}
