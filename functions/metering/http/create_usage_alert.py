"""Create an alert: a meter's quantity is to reach a threshold, for one subject, one customer, or each subject by itself.

It is told as the event `metering.usage.threshold_reached`, once in each period. What the present period has come to counts.
"""

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import thresholds
from oppulence.metering.alerts.models import AlertView, NewAlert
from oppulence.metering.errors import InvalidAlert, MeterNotActive, MeterNotFound, TooManyAlerts, UnknownTimeZone


@route(
    "POST", "/v1/usage_alerts", scope="usage:write", status=201,
    errors=(InvalidAlert, MeterNotFound, MeterNotActive, CustomerNotFound, UnknownTimeZone, TooManyAlerts),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewAlert) -> AlertView:
    return thresholds.create(uow, body)
