"""List meters, as clients of OpenMeter do: by numbered pages."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Response, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.openmeter.form import answer, listed
from oppulence.metering.openmeter.meters import MeterPage, all_shown, page


@route("GET", "/openmeter/api/v1/meters", scope="meters:read", drop_in=OPENMETER, uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, query: MeterPage) -> Response:
    return answer(listed(all_shown(uow, page(uow, query))))
