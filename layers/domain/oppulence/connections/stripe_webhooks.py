"""Stripe's events on their way to the inbound bus, whichever way they came in."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from oppulence.connections.errors import UnreadableWebhook
from oppulence.connections.events import WebhookReceived
from oppulence.kernel import clock, inbound
from oppulence.kernel.crypto import Keyring

PROVIDER = "stripe"


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose event it is."""

    workspace_id: str
    connection_id: str
    ring: Keyring


def hand_on(origin: Origin, document: Any, body: bytes, **how: Any) -> str:  # noqa: ANN401
    """Put an event on the inbound bus, its body sealed; returns Stripe's id of it. `how` are further fields of WebhookReceived.

    Raises:
        UnreadableWebhook: it is no event.
        Unavailable: the bus did not take it.
    """
    try:
        event_id, account, livemode = document["id"], document.get("account"), document.get("livemode")
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableWebhook("The body is not a Stripe event: JSON with an `id` is expected.", param="body") from error
    if not isinstance(event_id, str) or not 1 <= len(event_id) <= 255:
        raise UnreadableWebhook("The event's `id` is not a text of 1 to 255 characters.", param="id")
    now = clock.real_now()
    received = WebhookReceived(
        connection_id=origin.connection_id, provider=PROVIDER, provider_event_id=event_id,
        account=account if isinstance(account, str) else None, mode=_mode(livemode), received_at=now,
        sha256=hashlib.sha256(body).hexdigest(), **how,
        **inbound.sealed_body(origin.ring, body, f"webhooks/{origin.workspace_id}"),
    )  # fmt: skip
    inbound.publish(received, origin.workspace_id, now)
    return event_id


def _mode(livemode: object) -> Literal["live", "test", "unknown"]:
    if not isinstance(livemode, bool):
        return "unknown"
    return "live" if livemode else "test"
