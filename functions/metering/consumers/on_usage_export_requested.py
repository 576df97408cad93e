"""Write files of an export, for a minute; what is left is asked for again."""

from oppulence.kernel.capabilities import Bucket, Bus, ClickHouse, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.metering.events import UsageExportRequested
from oppulence.metering.exports import writing


@consumer(
    UsageExportRequested, batch=True, batch_size=1, timeout_s=240, memory_mb=1024,
    uses=(Postgres("metering"), Bus("metering"), ClickHouse(), Bucket("usage_exports/", write=True)),
)  # fmt: skip
def handler(received: list[Received]) -> None:
    writing.write_requested(received)
