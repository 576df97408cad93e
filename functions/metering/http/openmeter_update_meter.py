"""Replace what a meter says of itself and its dimensions, as clients of OpenMeter do.

Other dimensions hold from now on: past windows keep those that they were counted by.
"""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Response, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import InvalidInstant, InvalidMeter, MeterNotActive, MeterNotFound, TooManyVersions
from oppulence.metering.openmeter.form import answer
from oppulence.metering.openmeter.meters import MeterUpdate, shown


@route(
    "PUT", "/openmeter/api/v1/meters/{meter_id}", scope="meters:write", drop_in=OPENMETER,
    errors=(MeterNotFound, MeterNotActive, InvalidMeter, InvalidInstant, TooManyVersions),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str, body: MeterUpdate) -> Response:
    return answer(shown(uow, body.change(uow, meter_id)))
