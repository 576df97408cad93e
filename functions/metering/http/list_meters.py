"""List meters, the newest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.models import Meter, MeterQuery


@route("GET", "/v1/meters", scope="meters:read", errors=(InvalidCursor,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, query: MeterQuery) -> Page[Meter]:
    return meters.page(uow, query)
