"""Get one mirrored object."""

from typing import Annotated

from pydantic import Field

from oppulence.kernel.capabilities import Keys, Postgres
from oppulence.kernel.http import Model, route
from oppulence.kernel.uow import UnitOfWork
from oppulence.sync import queries
from oppulence.sync.errors import ObjectNotFound
from oppulence.sync.models import SyncObject


class Query(Model):
    """Which account's object."""

    account: Annotated[
        str | None, Field(max_length=255, description="Connected account; leave out for the connection's own.")
    ] = None


@route(
    "GET", "/v1/sync/objects/{type}/{id}", scope="sync:read", personal="sync_object", errors=(ObjectNotFound,),
    uses=(Postgres("sync"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, type: str, id: str, query: Query) -> SyncObject:
    return queries.get_object(uow, query.account, type, id)
