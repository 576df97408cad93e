"""Hand on to the inbound bus what Stripe's EventBridge source delivers, as its webhooks are."""

from oppulence.connections import stripe_partner
from oppulence.connections.stripe_partner import PartnerEvent
from oppulence.kernel.capabilities import Bucket, Inbound, Keys, Postgres
from oppulence.kernel.consume import Received, consumer
from oppulence.kernel.declarations import Foreign


@consumer(
    PartnerEvent, foreign=Foreign(stripe_partner.SOURCES, stripe_partner.read), batch=True,
    uses=(Postgres("connections"), Inbound(), Keys(), Bucket("webhooks/", write=True)),
)  # fmt: skip
def handler(received: list[Received]) -> None:
    stripe_partner.take(received)
