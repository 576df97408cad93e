"""Land accepted usage events, those of all workspaces in one write; then settle what is due."""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.metering import landing
from oppulence.metering.events import UsageAccepted


@consumer(
    UsageAccepted, uses=(Postgres("metering"), Bucket("usage/", write=True), ClickHouse()),
    direct=True, batch=True, together=True, batch_size=500, window_s=1, timeout_s=120, memory_mb=1024,
)  # fmt: skip
def handler(received: list[Received]) -> None:
    landing.take([(one.envelope.workspace_id, one.event) for one in received if isinstance(one.event, UsageAccepted)])
