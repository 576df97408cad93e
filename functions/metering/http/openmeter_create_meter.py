"""Create a meter, as clients of OpenMeter do: it counts events of any time."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Response, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import InvalidInstant, InvalidMeter, MeterExists, TooManyMeters
from oppulence.metering.openmeter.form import answer
from oppulence.metering.openmeter.meters import MeterCreate, shown


@route(
    "POST", "/openmeter/api/v1/meters", scope="meters:write", status=201, drop_in=OPENMETER,
    errors=(MeterExists, InvalidMeter, InvalidInstant, TooManyMeters), uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: MeterCreate) -> Response:
    return answer(shown(uow, body.make(uow)), 201)
