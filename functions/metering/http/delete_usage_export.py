"""Delete an export with its files, also while they are written; or end a schedule, whose exports stay."""

from oppulence.kernel.capabilities import Bucket, Bus, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.metering.errors import ExportNotFound
from oppulence.metering.exports import requests


@route(
    "DELETE", "/v1/usage_exports/{export_id}", scope="usage:write", status=204, errors=(ExportNotFound,),
    uses=(Postgres("metering"), Bus("metering"), Keys(), Bucket("usage_exports/", write=True)),
)  # fmt: skip
def handler(scope: Scope, export_id: str) -> None:
    requests.delete(scope, export_id)
