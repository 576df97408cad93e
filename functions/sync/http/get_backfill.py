"""Show a backfill and how far each of its types is."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import BackfillView
from oppulence.sync.errors import BackfillNotFound


@route("GET", "/v1/sync/backfills/{backfill_id}", scope="sync:read", errors=(BackfillNotFound,), uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, backfill_id: str) -> BackfillView:
    return requests.get(uow, backfill_id)
