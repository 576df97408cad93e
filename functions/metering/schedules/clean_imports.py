"""Delete files of imports that were asked for a week ago and are not under way."""

from oppulence.kernel.capabilities import Bucket, Postgres
from oppulence.kernel.schedules import schedule
from oppulence.kernel.uow import Scope
from oppulence.metering.imports import cleaning


@schedule("1 hour", uses=(Postgres("metering"), Bucket("usage-imports/", write=True)), timeout_s=300)
def handler(scope: Scope) -> dict[str, int]:
    return cleaning.clean(scope)
