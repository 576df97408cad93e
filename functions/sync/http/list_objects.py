"""List mirrored objects of one type, the latest changed first."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import queries
from oppulence.sync.models import ObjectQuery, SyncObject


@route("GET", "/v1/sync/objects/{type}", scope="sync:read", personal="sync_object", uses=(Postgres("sync"), Keys()))
def handler(uow: UnitOfWork, type: str, query: ObjectQuery) -> Page[SyncObject]:
    return queries.list_objects(uow, type, query)
