"""List imports, the latest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.imports import requests
from oppulence.metering.imports.models import ImportQuery, ImportSummary


@route("GET", "/v1/events/imports", scope="usage:read", errors=(InvalidCursor,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, query: ImportQuery) -> Page[ImportSummary]:
    return requests.list_imports(uow, query)
