"""List the money movements of a window at Stripe into the mirror, in the background."""

from oppulence.connections.errors import ConnectionHasNoKey, ConnectionNotFound
from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.backfill import requests
from oppulence.sync.backfill.models import BackfillView, NewTransactionsSync
from oppulence.sync.errors import InvalidRange, TooManyBackfills


@route(
    "POST", "/v1/transactions.sync", scope="transactions:sync", status=202,
    errors=(ConnectionNotFound, ConnectionHasNoKey, InvalidRange, TooManyBackfills),
    uses=(Postgres("sync"), Bus("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewTransactionsSync) -> BackfillView:
    return requests.sync_transactions(uow, body)
