"""Delete a meter, as clients of OpenMeter do; one that counted something is archived, and can still be read by its id."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import MeterNotActive, MeterNotFound
from oppulence.metering.openmeter.meters import remove


@route(
    "DELETE", "/openmeter/api/v1/meters/{meter_id}", scope="meters:write", status=204, drop_in=OPENMETER,
    errors=(MeterNotFound, MeterNotActive), uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str) -> None:
    remove(uow, meter_id)
