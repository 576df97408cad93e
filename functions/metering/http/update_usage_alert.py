"""Change a usage alert. Another threshold or lower bound arms it anew, so that it can be told once more in the present period."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import thresholds
from oppulence.metering.alerts.models import AlertChange, AlertView
from oppulence.metering.errors import AlertChanged, AlertNotFound, InvalidAlert


@route(
    "PATCH", "/v1/usage_alerts/{alert_id}", scope="usage:write", errors=(AlertNotFound, AlertChanged, InvalidAlert),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, alert_id: str, body: AlertChange) -> AlertView:
    return thresholds.change(uow, alert_id, body)
