"""Apply stored events again, in the background; with `dry_run` only say what it would take. Nothing is ever told twice."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.errors import NothingSelected, ReplayRunning
from oppulence.sync.replays import requests
from oppulence.sync.replays.models import NewReplay, ReplayView


@route(
    "POST", "/v1/sync/replays", scope="sync:write", status=202, errors=(NothingSelected, ReplayRunning),
    uses=(Postgres("sync"), Bus("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewReplay) -> ReplayView:
    return requests.request(uow, body)
