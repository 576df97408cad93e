"""List objects at Stripe into the mirror, in the background. Its progress is shown by GET /v1/sync/backfills/{backfill_id}."""

from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import BackfillView, NewBackfill
from oppulence.sync.errors import InvalidRange, TooManyBackfills, UnknownObjectType


@route(
    "POST", "/v1/sync/backfills", scope="sync:write", status=202,
    errors=(ConnectionNotFound, ConnectionHasNoKey, UnknownObjectType, InvalidRange, TooManyBackfills),
    uses=(Postgres("sync"), Bus("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewBackfill) -> BackfillView:
    return requests.request(uow, body)
