"""Change what the workspace wants of its mirror. Only what is sent changes."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import retention
from oppulence.sync.models import SyncSettings, SyncSettingsChange


@route("PATCH", "/v1/sync/settings", scope="settings:write", uses=(Postgres("sync"), Keys()))
def handler(uow: UnitOfWork, body: SyncSettingsChange) -> SyncSettings:
    return retention.change_settings(uow, body)
