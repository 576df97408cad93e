"""List usage alerts, the newest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.alerts import thresholds
from oppulence.metering.alerts.models import AlertQuery, AlertView


@route("GET", "/v1/usage_alerts", scope="usage:read", errors=(InvalidCursor,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, query: AlertQuery) -> Page[AlertView]:
    return thresholds.page(uow, query)
