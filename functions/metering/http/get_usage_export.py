"""Get an export with its progress and, once it is complete, links to its files and its manifest, for a quarter of an hour."""

from oppulence.kernel.capabilities import Bucket, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import ExportNotFound
from oppulence.metering.exports import requests
from oppulence.metering.exports.models import ExportView


@route(
    "GET", "/v1/usage_exports/{export_id}", scope="usage:read", errors=(ExportNotFound,),
    uses=(Postgres("metering"), Bucket("usage_exports/")),
)  # fmt: skip
def handler(uow: UnitOfWork, export_id: str) -> ExportView:
    return requests.get(uow, export_id)
