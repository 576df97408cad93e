"""Explore usage events, the newest first: as they were sent, with what each meter makes of them, or why it cannot count them."""

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import Scope
from oppulence.metering import explorer
from oppulence.metering.errors import InvalidPeriod, MeterNotFound, TooManySubjects
from oppulence.metering.explorer import EventQuery, UsageEventView


@route(
    "GET", "/v1/events", scope="usage:read", timeout_s=29, memory_mb=1024,
    errors=(MeterNotFound, CustomerNotFound, InvalidPeriod, TooManySubjects, InvalidCursor),
    uses=(Postgres("metering"), ClickHouse()),
)  # fmt: skip
def handler(scope: Scope, query: EventQuery) -> Page[UsageEventView]:
    return explorer.page(scope, query)
