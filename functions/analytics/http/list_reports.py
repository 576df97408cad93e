"""The reports that can be asked for, what they say, and how they can be grouped."""

from oppulence.analytics import reports
from oppulence.analytics.models import Reports
from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route


@route("GET", "/v1/analytics", scope="analytics:read", uses=(Postgres("analytics"),))
def handler() -> Reports:
    return Reports(data=reports.describe())
