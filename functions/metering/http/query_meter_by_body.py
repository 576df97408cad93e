"""Quantities of a meter, asked for with a body: as GET, for questions that are too long for a URL."""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres, Table
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import Request, Response, route
from oppulence.kernel.uow import Scope
from oppulence.metering import answers
from oppulence.metering.answers import Quantities, QuantitiesFile, QuantityBody
from oppulence.metering.query import REFUSALS


@route(
    "POST", "/v1/meters/{meter_id}/query", scope="usage:read", repeatable=True, timeout_s=29, memory_mb=1024,
    errors=(*REFUSALS, InvalidCursor),
    uses=(Postgres("metering"), ClickHouse(), Table("limits"), Bucket(answers.FILES, write=True)),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, body: QuantityBody, request: Request) -> Quantities | QuantitiesFile | Response:
    return answers.answered(scope, meter_id, body, request.header("accept"))
