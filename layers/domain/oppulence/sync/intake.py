"""From the inbound bus to the mirror: open the sealed bodies, then apply them in one transaction."""

from collections.abc import Sequence

from oppulence.connections.events import WebhookReceived
from oppulence.kernel import clock, crypto, db, inbound, telemetry
from oppulence.kernel.uow import Scope, in_transaction
from oppulence.sync import mirror
from oppulence.sync.stripe_events import read

CONTEXT = "sync"


def take_in(workspace_id: str, webhooks: Sequence[WebhookReceived]) -> int:
    """Apply webhooks of one workspace; returns how many events were new. Large bodies are fetched before the transaction.

    Raises:
        Permanent: a body is no Stripe event. Then none is applied: the caller tries them one by one.
    """
    ring = db.read(CONTEXT, lambda conn: crypto.keyring(conn, workspace_id))
    deliveries = []
    for webhook in webhooks:
        body = inbound.open_body(ring, webhook.sealed_body, webhook.s3_key)
        deliveries.append(
            mirror.Delivery(
                read(body),
                body,
                webhook.connection_id,
                webhook.received_at,
                webhook.via,
                webhook.via == "webhook",
                webhook.signed_at,
            )
        )
    applied = in_transaction(Scope(CONTEXT, workspace_id), lambda uow: mirror.apply(uow, deliveries))
    _measure(webhooks, applied)
    return applied


def _measure(webhooks: Sequence[WebhookReceived], applied: int) -> None:
    """How many events were new, and how long the oldest of them took from the door to the mirror."""
    oldest = min(webhook.received_at for webhook in webhooks)
    late_s = max(0.0, (clock.real_now() - oldest).total_seconds())
    telemetry.metrics({"sync_events_total": (applied, "Count"), "sync_freshness_seconds": (round(late_s, 3), "Seconds")})
