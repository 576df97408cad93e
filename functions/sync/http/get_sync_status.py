"""Get how well the mirror follows each connection: lag, gaps, dead letters."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import status
from oppulence.sync.status import SyncStatus


@route("GET", "/v1/sync/status", scope="sync:read", uses=(Postgres("sync"),))
def handler(uow: UnitOfWork) -> SyncStatus:
    return status.status(uow)
