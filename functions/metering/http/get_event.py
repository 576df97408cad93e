"""Get a usage event by its id, and by its source where several sources sent one of that id."""

from pydantic import BaseModel, ConfigDict

from oppulence.kernel.capabilities import ClickHouse, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.metering import explorer
from oppulence.metering.answers import Text
from oppulence.metering.errors import EventNotFound
from oppulence.metering.explorer import UsageEventView


class SourceQuery(BaseModel):
    """Whose event it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Text | None = None


@route(
    "GET", "/v1/events/{event_id}", greedy=True, scope="usage:read", errors=(EventNotFound,),
    uses=(Postgres("metering"), ClickHouse()),
)  # fmt: skip
def handler(scope: Scope, event_id: str, query: SourceQuery) -> UsageEventView:
    return explorer.get(scope, event_id, query.source)
