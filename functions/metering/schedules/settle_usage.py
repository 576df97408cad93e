"""Settle the usage events of all shards that are due, and measure what waits."""

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering import settling


@schedule("1 minute", uses=(Postgres("metering"), ClickHouse()), timeout_s=120, memory_mb=1024)
def handler(scope: Scope) -> dict[str, float]:
    return settling.sweep()
