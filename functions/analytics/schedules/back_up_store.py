"""Back the analytical store up to S3, where the deployment has one and says where to."""

from oppulence.analytics import backups
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope


@schedule("1 day", uses=(Postgres("analytics"), ClickHouse()), timeout_s=60)
def handler(scope: Scope) -> dict[str, str]:
    return {"backup": backups.back_up() or "none: there is no store, or no place for its backups"}
