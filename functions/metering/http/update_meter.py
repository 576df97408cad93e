"""Change a meter. What it counts changes from now on, or from a later `effective_from`; past windows keep what they counted.

How it aggregates (`aggregation`, `percentile`, `carry_over`, `prorated`) and its slug stay: create another meter for that.
"""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering import meters
from oppulence.metering.errors import (
    InvalidInstant,
    InvalidMeter,
    MeterChanged,
    MeterNotActive,
    MeterNotFound,
    TooManyMeters,
    TooManyVersions,
)
from oppulence.metering.models import Meter, MeterChange


@route(
    "PATCH", "/v1/meters/{meter_id}", scope="meters:write",
    errors=(MeterNotFound, MeterNotActive, MeterChanged, InvalidMeter, InvalidInstant, TooManyMeters, TooManyVersions),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str, body: MeterChange) -> Meter:
    return meters.change(uow, meter_id, body)
