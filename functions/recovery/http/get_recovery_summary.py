"""Cases opened, open, recovered and lost, with amounts by currency and the mails sent for them."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import reports
from oppulence.recovery.reports import RecoverySummary, Since, Until


class SummaryQuery(Model):
    since: Since = None
    until: Until = None


@route("GET", "/v1/recovery/summary", scope="recovery:read", replica=True, uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, query: SummaryQuery) -> RecoverySummary:
    return reports.summarize(uow, query.since, query.until)
