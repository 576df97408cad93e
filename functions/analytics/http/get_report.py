"""A report by its name: figures by period and currency, zeros where nothing happened, in pages."""

from oppulence.analytics import reports
from oppulence.analytics.errors import AnalyticsNotConfigured, ReportNotFound
from oppulence.analytics.models import Report, ReportQuery
from oppulence.kernel import clock
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope


@route(
    "GET", "/v1/analytics/{report}", scope="analytics:read", errors=(ReportNotFound, AnalyticsNotConfigured, InvalidCursor),
    uses=(Postgres("analytics"), ClickHouse()), timeout_s=25,
)  # fmt: skip
def handler(scope: Scope, report: str, query: ReportQuery) -> Report:
    return reports.report(scope, report, query, clock.now())
