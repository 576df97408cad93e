"""Stop an import: what was accepted stays."""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import ImportNotFound, ImportOver
from oppulence.metering.imports import requests
from oppulence.metering.imports.models import ImportView


@route(
    "POST", "/v1/events/imports/{import_id}/cancel", scope="usage:write", errors=(ImportNotFound, ImportOver),
    uses=(Postgres("metering"), Keys(), Bucket("usage-imports/")),
)  # fmt: skip
def handler(uow: UnitOfWork, import_id: str) -> ImportView:
    return requests.cancel(uow, import_id)
