"""Get a replay and how far it is."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.errors import ReplayNotFound
from oppulence.sync.replays import requests
from oppulence.sync.replays.models import ReplayView


@route("GET", "/v1/sync/replays/{replay_id}", scope="sync:read", errors=(ReplayNotFound,), uses=(Postgres("sync"),))
def handler(uow: UnitOfWork, replay_id: str) -> ReplayView:
    return requests.get(uow, replay_id)
