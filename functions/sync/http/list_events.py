"""List webhooks that came in, the last received first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import queries
from oppulence.sync.models import EventQuery, SyncEvent


@route("GET", "/v1/sync/events", scope="sync:read", replica=True, uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, query: EventQuery) -> Page[SyncEvent]:
    return queries.list_events(uow, query)
