"""Take events in, as clients of OpenMeter send them: one, or up to 1,000, all or none."""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres, Queue
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.errors import InvalidBody
from oppulence.kernel.http import Request, route
from oppulence.kernel.uow import Scope
from oppulence.metering.errors import TooManyEvents
from oppulence.metering.openmeter import taking


@route(
    "POST", "/openmeter/api/v1/events", scope="usage:write", status=204, drop_in=OPENMETER, repeatable=True,
    max_body_bytes=4_000_000, memory_mb=1024, errors=(InvalidBody, TooManyEvents),
    uses=(Postgres("metering"), Queue("metering/on_usage_accepted"), Bucket("usage/", write=True), Keys()),
)  # fmt: skip
def handler(scope: Scope, request: Request) -> None:
    taking.take(scope, request)
