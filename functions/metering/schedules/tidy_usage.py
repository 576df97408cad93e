"""Delete what came of erased workspaces' events after they were erased, and look for rows that stand twice."""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering import tidying


@schedule("1 day", uses=(Postgres("metering"), ClickHouse(), Bucket("usage/", write=True, find=True)), timeout_s=600)
def handler(scope: Scope) -> dict[str, int]:
    return tidying.tidy()
