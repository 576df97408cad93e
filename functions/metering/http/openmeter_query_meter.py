"""Query a meter, as clients of OpenMeter do; as CSV with `Accept: text/csv`. Values are exact."""

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Request, Response, route
from oppulence.kernel.uow import Scope
from oppulence.metering.openmeter import results
from oppulence.metering.openmeter.queries import MeterQueryParameters
from oppulence.metering.query import REFUSALS


@route(
    "GET", "/openmeter/api/v1/meters/{meter_id}/query", scope="usage:read", drop_in=OPENMETER, timeout_s=29, memory_mb=1024,
    errors=REFUSALS,
    uses=(Postgres("metering"), ClickHouse()),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, query: MeterQueryParameters, request: Request) -> Response:
    return results.of(scope, meter_id, query).answer(request.header("accept"))
