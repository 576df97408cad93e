"""Copy stored webhooks to the analytical store."""

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync import analytics
from oppulence.sync.events import EventsStored


@consumer(
    EventsStored, uses=(Postgres("sync"), ClickHouse()), batch=True, batch_size=100, window_s=2, timeout_s=30, concurrency=2
)  # the store wants few large writes
def handler(received: list[Received]) -> None:
    stored = [EventsStored.model_validate(one.envelope.data) for one in received]
    analytics.copy_events(received[0].envelope.workspace_id, stored)
