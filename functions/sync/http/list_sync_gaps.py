"""List events that did not come in by themselves, the last found first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import status
from oppulence.sync.status import GapQuery, SyncGap


@route("GET", "/v1/sync/gaps", scope="sync:read", replica=True, uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, query: GapQuery) -> Page[SyncGap]:
    return status.list_gaps(uow, query)
