"""Get a usage alert."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import thresholds
from oppulence.metering.alerts.models import AlertView
from oppulence.metering.errors import AlertNotFound


@route("GET", "/v1/usage_alerts/{alert_id}", scope="usage:read", errors=(AlertNotFound,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, alert_id: str) -> AlertView:
    return thresholds.get(uow, alert_id)
