"""Create a meter: what to count of the events of one type, and how."""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.errors import InvalidInstant, InvalidMeter, MeterExists, TooManyMeters
from oppulence.metering.models import Meter, NewMeter


@route(
    "POST", "/v1/meters", scope="meters:write", status=201, errors=(MeterExists, InvalidMeter, InvalidInstant, TooManyMeters),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewMeter) -> Meter:
    return meters.create(uow, body)
