"""Delete what came of erased workspaces' usage and files after they were erased, and look for rows that stand twice."""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering import tidying


@schedule(
    "1 day", timeout_s=600,
    uses=(Postgres("metering"), ClickHouse(), *(Bucket(folder, write=True, find=True) for folder in tidying.FOLDERS)),
)  # fmt: skip
def handler(scope: Scope) -> dict[str, int]:
    return tidying.tidy()
