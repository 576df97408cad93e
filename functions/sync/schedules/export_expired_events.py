"""Move raw events past their workspace's retention to the bucket."""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.sync import retention


@schedule("1 day", uses=(Postgres("sync"), Keys(), Bucket("raw_events/", write=True)), timeout_s=900, memory_mb=1024)
def handler(scope: Scope) -> dict[str, int]:
    return retention.export_expired(scope)
