"""List backfills, the latest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import BackfillQuery, BackfillSummary


@route("GET", "/v1/sync/backfills", scope="sync:read", errors=(InvalidCursor,), uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, query: BackfillQuery) -> Page[BackfillSummary]:
    return requests.list_backfills(uow, query)
