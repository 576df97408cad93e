"""Apply a replay's next batch of stored events again."""

from oppulence.kernel.capabilities import Bus, Postgres
from oppulence.kernel.consume import consumer
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync.events.replays import ReplayScheduled
from oppulence.sync.replays import requests


@consumer(ReplayScheduled, uses=(Postgres("sync"), Bus("sync")), timeout_s=60, concurrency=2)
def handler(uow: UnitOfWork, event: ReplayScheduled) -> None:
    requests.step(uow, event.replay_id, event.step)
