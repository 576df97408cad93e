"""Ask for an import of usage events from a file, up to 5 GB of NDJSON or CSV.

The answer says where to upload the file to; then start it. Events that were in the file before are counted once, by their source
and id, like all others.
"""

from oppulence.kernel.capabilities import Bucket, Keys, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork
from oppulence.metering.errors import TooManyImports
from oppulence.metering.imports import requests
from oppulence.metering.imports.models import ImportView, NewImport


@route(
    "POST", "/v1/events/imports", scope="usage:write", status=201, errors=(TooManyImports,),
    uses=(Postgres("metering"), Keys(), Bucket("usage-imports/", write=True)),
)  # fmt: skip
def handler(uow: UnitOfWork, body: NewImport) -> ImportView:
    return requests.request(uow, body)
