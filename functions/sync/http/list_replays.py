"""List replays, the latest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.replays import requests
from oppulence.sync.replays.models import ReplayQuery, ReplayView


@route("GET", "/v1/sync/replays", scope="sync:read", errors=(InvalidCursor,), uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, query: ReplayQuery) -> Page[ReplayView]:
    return requests.list_replays(uow, query)
