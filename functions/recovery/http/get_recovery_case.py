"""One recovery case with its timeline: what happened, when, and the reason for each step."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.recovery import reports
from oppulence.recovery.errors import CaseNotFound
from oppulence.recovery.reports import CaseWithTimeline


@route("GET", "/v1/recovery/cases/{case_id}", scope="recovery:read", errors=(CaseNotFound,), uses=(Postgres("recovery"),))
def handler(uow: UnitOfWork, case_id: str) -> CaseWithTimeline:
    return reports.get_case(uow, case_id)
