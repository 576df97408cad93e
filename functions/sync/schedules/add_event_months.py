"""Make the coming months' partitions of raw events."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.sync import retention


@schedule("1 day", uses=(Postgres("sync"),))
def handler(scope: Scope) -> dict[str, int]:
    return {"months": in_transaction(scope, retention.add_months)}
