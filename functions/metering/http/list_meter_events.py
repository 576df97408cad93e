"""What makes up one number: the events that a meter's quantity of a period has, the newest first, and what each adds to it.

A level that left or came with a subject, which changed hands, is a row of its own at that instant, under its event's id.
"""

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.capabilities import ClickHouse, Postgres, Table
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.metering import explorer
from oppulence.metering.errors import InvalidPeriod, MeterNotFound, TooManySubjects, UnknownDimension
from oppulence.metering.explorer import MeterEvents, MeterEventsQuery


@route(
    "GET", "/v1/meters/{meter_id}/events", scope="usage:read", timeout_s=29, memory_mb=1024,
    errors=(MeterNotFound, CustomerNotFound, UnknownDimension, InvalidPeriod, TooManySubjects, InvalidCursor),
    uses=(Postgres("metering"), ClickHouse(), Table("limits")),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, query: MeterEventsQuery) -> MeterEvents:
    return explorer.of_meter(scope, meter_id, query)
