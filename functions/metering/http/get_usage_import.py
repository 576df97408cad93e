"""Show an import and how far it is."""

from oppulence.kernel.capabilities import Bucket, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import ImportNotFound
from oppulence.metering.imports import requests
from oppulence.metering.imports.models import ImportView


@route(
    "GET", "/v1/events/imports/{import_id}", scope="usage:read", errors=(ImportNotFound,),
    uses=(Postgres("metering"), Bucket("usage-imports/")),
)  # fmt: skip
def handler(uow: UnitOfWork, import_id: str) -> ImportView:
    return requests.get(uow, import_id)
