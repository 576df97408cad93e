"""Stop a backfill: what it has written stays."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import BackfillView
from oppulence.sync.errors import BackfillNotFound, BackfillOver


@route(
    "POST", "/v1/sync/backfills/{backfill_id}/cancel", scope="sync:write", errors=(BackfillNotFound, BackfillOver),
    uses=(Postgres("sync"), Bus("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, backfill_id: str) -> BackfillView:
    return requests.cancel(uow, backfill_id)
