"""Take a webhook from Stripe for one connection."""

from oppulence.connections import stripe_door
from oppulence.connections.errors import ConnectionNotFound, InvalidSignature, UnreadableWebhook
from oppulence.connections.models import Accepted
from oppulence.kernel.capabilities import Bucket, Inbound, Keys, Table
from oppulence.kernel.http import Request, route


@route(
    "POST", "/v1/webhooks/stripe/{connection_id}", access="public", max_body_bytes=1_500_000,
    errors=(ConnectionNotFound, InvalidSignature, UnreadableWebhook),
    uses=(Table("connections"), Inbound(), Keys(), Bucket("webhooks/", write=True)),
)  # fmt: skip
def handler(connection_id: str, request: Request) -> Accepted:
    return Accepted(event_id=stripe_door.take(connection_id, request.header("stripe-signature"), request.body))
