"""List recovery cases, the latest opened first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import reports
from oppulence.recovery.reports import CasesQuery, CaseSummary


@route("GET", "/v1/recovery/cases", scope="recovery:read", errors=(InvalidCursor,), replica=True, uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, query: CasesQuery) -> Page[CaseSummary]:
    return reports.list_cases(uow, query)
