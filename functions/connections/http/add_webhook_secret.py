"""Accept a further webhook signing secret; the newest two are valid, so that a rotation loses nothing."""

from oppulence.connections import manage
from oppulence.connections.errors import ConnectionNotFound, SecretInUse
from oppulence.connections.models import ConnectionView, NewWebhookSecret
from oppulence.kernel.capabilities import Bus, Keys, Postgres, Table
from oppulence.kernel.http import route
from oppulence.kernel.uow import UnitOfWork


@route(
    "POST", "/v1/connections/{connection_id}/webhook_secrets", scope="connections:write", status=201,
    errors=(ConnectionNotFound, SecretInUse),
    uses=(Postgres("connections"), Bus("connections"), Keys(), Table("connections", write=True)),
)  # fmt: skip
def handler(uow: UnitOfWork, connection_id: str, body: NewWebhookSecret) -> ConnectionView:
    return manage.add_secret(uow, connection_id, body.secret)
