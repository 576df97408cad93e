"""Get a meter by its id or, while it is active, by its slug."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.errors import MeterNotFound
from oppulence.metering.models import Meter


@route("GET", "/v1/meters/{meter_id}", scope="meters:read", errors=(MeterNotFound,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, meter_id: str) -> Meter:
    return meters.get(uow, meter_id)
