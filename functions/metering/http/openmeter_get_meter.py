"""Get a meter by its id or slug, as clients of OpenMeter do."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Response, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import MeterNotFound
from oppulence.metering.openmeter.form import answer
from oppulence.metering.openmeter.meters import get, shown


@route(
    "GET", "/openmeter/api/v1/meters/{meter_id}", scope="meters:read", drop_in=OPENMETER, errors=(MeterNotFound,),
    uses=(Postgres("metering"),),
)  # fmt: skip
def handler(uow: UnitOfWork, meter_id: str) -> Response:
    return answer(shown(uow, get(uow, meter_id)))
