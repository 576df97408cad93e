"""List samples: objects of one type and day, as the provider lists them and as the mirror has them, the last compared first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import status
from oppulence.sync.comparison_store import Comparison
from oppulence.sync.status import ComparisonQuery


@route("GET", "/v1/sync/comparisons", scope="sync:read", replica=True, uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, query: ComparisonQuery) -> Page[Comparison]:
    return status.list_comparisons(uow, query)
