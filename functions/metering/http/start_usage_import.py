"""Read the uploaded file, in the background. Its progress is shown by GET /v1/events/imports/{import_id}."""

from oppulence.kernel.capabilities import Bucket, Keys, Machine, Postgres
from oppulence.kernel.http import route
from oppulence.kernel.uow import Scope
from oppulence.metering.errors import ImportFileMissing, ImportNotFound, ImportOver
from oppulence.metering.imports import requests
from oppulence.metering.imports.models import ImportView


@route(
    "POST", "/v1/events/imports/{import_id}/start", scope="usage:write", status=202,
    errors=(ImportNotFound, ImportFileMissing, ImportOver),
    uses=(Postgres("metering"), Keys(), Bucket("usage-imports/"), Machine("metering/usage_import")),
)  # fmt: skip
def handler(scope: Scope, import_id: str) -> ImportView:
    return requests.start(scope, import_id)
