"""List what a meter counted, counts and will count: its versions in order, each with the time that is its own."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.errors import MeterNotFound
from oppulence.metering.models import MeterVersion, VersionQuery


@route(
    "GET", "/v1/meters/{meter_id}/versions", scope="meters:read", errors=(MeterNotFound, InvalidCursor),
    uses=(Postgres("metering"),),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str, query: VersionQuery) -> Page[MeterVersion]:
    return meters.versions_page(uow, meter_id, query)
