"""List exports of usage and schedules of exports, the latest first."""

from oppulence.kernel.capabilities import Postgres
from oppulence.kernel.errors import InvalidCursor
from oppulence.kernel.http import route
from oppulence.kernel.pagination import Page
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.exports import requests
from oppulence.metering.exports.models import ExportQuery, Summary


@route("GET", "/v1/usage_exports", scope="usage:read", errors=(InvalidCursor,), uses=(Postgres("metering"),))
def handler(uow: UnitOfWork, query: ExportQuery) -> Page[Summary]:
    return requests.page(uow, query)
