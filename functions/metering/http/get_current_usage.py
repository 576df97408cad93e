"""A meter's quantity in the current period, of a subject or a customer or all: it has each event as soon as that has landed.

The period is the day, week or month of the time zone, or begins at a given instant and goes on until now, and as far ahead as
the times of events may be (`until` says it). Where time itself counts (WEIGHTED_SUM), the period ends now.
"""

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel import clock
from oppulence.kernel.capabilities import ClickHouse, Postgres, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.metering import current
from oppulence.metering.current import CurrentQuery, CurrentUsage
from oppulence.metering.errors import InvalidPeriod, MeterNotFound, TooManySubjects, UnknownTimeZone


@route(
    "GET", "/v1/meters/{meter_id}/current", scope="usage:read",
    errors=(MeterNotFound, CustomerNotFound, InvalidPeriod, TooManySubjects, UnknownTimeZone),
    uses=(Postgres("metering"), ClickHouse(), Table("limits")),
)  # fmt: skip
def handler(scope: Scope, meter_id: str, query: CurrentQuery) -> CurrentUsage:
    return current.usage(scope, meter_id, query, clock.now())
