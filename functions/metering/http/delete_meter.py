"""Archive a meter: it counts only what happened before, and its slug is free. One that counted nothing is deleted."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.errors import MeterNotActive, MeterNotFound


@route(
    "DELETE", "/v1/meters/{meter_id}", scope="meters:write", status=204, errors=(MeterNotFound, MeterNotActive),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str) -> None:
    meters.remove(uow, meter_id)
