"""Get what the workspace wants of its mirror."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import retention
from oppulence.sync.models import SyncSettings


@route("GET", "/v1/sync/settings", scope="settings:read", uses=(Postgres("sync"),))
def handler(uow: UnitOfWork) -> SyncSettings:
    return retention.settings(uow)
