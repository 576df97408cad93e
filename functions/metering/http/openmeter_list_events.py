"""List events, as clients of OpenMeter do: the newest, with what keeps meters from counting them."""

from oppulence.customers.errors import CustomerNotFound
from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.drop_in import OPENMETER
from oppulence.kernel.http import Response, route
from oppulence.kernel.uow import Scope
from oppulence.metering.errors import TooManySubjects
from oppulence.metering.openmeter.form import answer, listed
from oppulence.metering.openmeter.listing import EventList, events


@route(
    "GET", "/openmeter/api/v1/events", scope="usage:read", drop_in=OPENMETER, timeout_s=29, memory_mb=1024,
    errors=(CustomerNotFound, TooManySubjects), uses=(Postgres("metering"), ClickHouse()),
)  # fmt: skip
def handler(scope: Scope, query: EventList) -> Response:
    return answer(listed(events(scope, query)))
