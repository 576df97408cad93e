"""Stop a replay: what it did stays."""

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.errors import ReplayNotFound, ReplayOver
from oppulence.sync.replays import requests
from oppulence.sync.replays.models import ReplayView


@route(
    "POST", "/v1/sync/replays/{replay_id}/cancel", scope="sync:write", errors=(ReplayNotFound, ReplayOver),
    uses=(Postgres("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, replay_id: str) -> ReplayView:
    return requests.cancel(uow, replay_id)
