"""Take a webhook from Stripe for the workspace that X-Workspace-Id names."""

from oppulence.connections import stripe_door
from oppulence.connections.errors import ConnectionNotFound, InvalidSignature, UnreadableWebhook
from oppulence.connections.models import Accepted
from oppulence.kernel.capabilities import Bucket, Inbound, Keys, Table
from oppulence.kernel.http import Request, route


@route(
    "POST", "/v1/webhooks/stripe", access="public", max_body_bytes=1_500_000,
    errors=(ConnectionNotFound, InvalidSignature, UnreadableWebhook),
    uses=(Table("connections"), Inbound(), Keys(), Bucket("webhooks/", write=True)),
)  # fmt: skip
def handler(request: Request) -> Accepted:
    workspace_id = request.header("x-workspace-id") or ""
    return Accepted(event_id=stripe_door.take_for_workspace(workspace_id, request.header("stripe-signature"), request.body))
