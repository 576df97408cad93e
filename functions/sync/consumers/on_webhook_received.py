"""Apply Stripe's webhooks to the mirror."""

from oppulence.connections.events import WebhookReceived
from oppulence.kernel.capabilities import Bucket, Bus, Keys, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.sync import intake


@consumer(
    WebhookReceived, uses=(Postgres("sync"), Bus("sync"), Keys(), Bucket("webhooks/")), match={"provider": ["stripe"]},
    batch=True, timeout_s=30,
)  # fmt: skip
def handler(received: list[Received]) -> None:
    intake.take_in(received[0].envelope.workspace_id, [one.event for one in received if isinstance(one.event, WebhookReceived)])
