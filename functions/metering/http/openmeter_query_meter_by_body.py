"""Query a meter with a body, as clients of OpenMeter do. Without one all that it counted is one quantity."""

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Request, Response, route
from oppulence.kernel.uow import Scope
from oppulence.metering.openmeter import queries, results
from oppulence.metering.query import REFUSALS


@route(
    "POST", "/openmeter/api/v1/meters/{meter_id}/query", scope="usage:read", drop_in=OPENMETER, repeatable=True, timeout_s=29,
    memory_mb=1024,
    errors=REFUSALS,
    uses=(Postgres("metering"), ClickHouse()),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, request: Request) -> Response:
    return results.of(scope, meter_id, queries.of_body(request)).answer(request.header("accept"))
