"""Quantities of a meter: of a period, by windows, subjects, customers and dimensions; exact, and current to the second.

Windows follow the clocks of the time zone: where an hour happens twice, it is two windows. The answer has all that has landed,
unless `as_of` asks for what had been settled earlier: that is the same for ever. Pages hold up to 4 MB and go on at their
cursor. With `format=csv`, or `Accept: text/csv`, the page is CSV, its cursor stands in `X-Next-Cursor` and its settlement in
`X-Settlement` and `X-Known-At`. With `link=true` all of the answer goes into a file, and the answer is a link to it.
"""

from oppulence.kernel.capabilities import Bucket, ClickHouse, Postgres, Table
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import Request, Response, route
from oppulence.kernel.uow import Scope
from oppulence.metering import answers
from oppulence.metering.answers import Quantities, QuantitiesFile, QuantityQuery
from oppulence.metering.query import REFUSALS


@route(
    "GET", "/v1/meters/{meter_id}/query", scope="usage:read", timeout_s=29, memory_mb=1024,
    errors=(*REFUSALS, InvalidCursor),
    uses=(Postgres("metering"), ClickHouse(), Table("limits"), Bucket(answers.FILES, write=True)),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, query: QuantityQuery, request: Request) -> Quantities | QuantitiesFile | Response:
    return answers.answered(scope, meter_id, query, request.header("accept"))
