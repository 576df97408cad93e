"""Export usage into files: events, or quantities of windows, of one period, or of each hour, day or month from now on.

The work begins at once and goes on in the background; GET /v1/usage_exports/{export_id} shows its progress and, in the end,
links. All that is settled when it begins is in the files.
"""

from oppulence.kernel.capabilities import Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import (
    InvalidExport,
    InvalidPeriod,
    MeterNotFound,
    TooManyExports,
    TooManyWindows,
    UnknownTimeZone,
)
from oppulence.metering.exports import requests
from oppulence.metering.exports.models import ExportView, NewExport


@route(
    "POST", "/v1/usage_exports", scope="usage:write", status=202,
    errors=(InvalidExport, InvalidPeriod, TooManyWindows, UnknownTimeZone, MeterNotFound, TooManyExports),
    uses=(Postgres("metering"), Bus("metering"), Keys()),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewExport) -> ExportView:
    return requests.create(uow, body)
