"""Delete a usage alert. What it told stays told."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import thresholds
from oppulence.metering.errors import AlertNotFound


@route(
    "DELETE", "/v1/usage_alerts/{alert_id}", scope="usage:write", status=204, errors=(AlertNotFound,),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, alert_id: str) -> None:
    thresholds.delete(uow, alert_id)
