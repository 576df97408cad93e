"""Stripe's EventBridge source, the second way in: events that Stripe puts on a bus of ours, instead of calling a door.

AWS vouches for the source's name, so there is no signature. The connection that names the source gets its events. What the bus
delivers is JSON that has been parsed on its way, so its bytes are not those that Stripe signed: whoever stores them says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from oppulence.connections import store
from oppulence.connections.errors import UnreadableWebhook
from oppulence.connections.stripe_webhooks import Origin, hand_on
from oppulence.kernel import crypto, db
from oppulence.kernel.consume import Received
from oppulence.kernel.errors import Permanent
from oppulence.kernel.events import Envelope, Event
from oppulence.kernel.uow import Scope, in_transaction

SOURCES = "aws.partner/stripe.com/"
"""How the names of Stripe's sources begin."""


class PartnerEvent(Event):
    """An event as Stripe's source delivers it, for the connection that names the source."""

    connection_id: str
    document: dict[str, Any]


def read(delivered: Mapping[str, Any]) -> Envelope:
    """The envelope of a delivered event.

    Raises:
        Permanent: no live connection names its source.
        KeyError, ValidationError: it is not what EventBridge delivers.
    """
    source = str(delivered["source"])
    found = in_transaction(Scope("connections", None), lambda uow: store.of_event_source(uow.conn, source))
    if found is None:
        raise Permanent(f"no live connection has the event source {source}: PATCH one with it as partner_event_source")
    workspace_id, connection_id = found
    return Envelope(
        id=delivered["id"], type="", version=1, workspace_id=workspace_id, occurred_at=delivered["time"],
        data={"connection_id": connection_id, "document": delivered["detail"]},
    )  # fmt: skip


def take(received: Sequence[Received]) -> None:
    """Hand events of one workspace on to the inbound bus. Repeats are told apart downstream, by Stripe's id of the event.

    Raises:
        Permanent: one is no event of Stripe's.
        Unavailable: the bus did not take one.
    """
    workspace_id = received[0].envelope.workspace_id
    ring = db.read("connections", lambda conn: crypto.keyring(conn, workspace_id))
    for one in received:
        event = PartnerEvent.model_validate(one.envelope.data)
        try:
            hand_on(Origin(workspace_id, event.connection_id, ring), event.document, to_json(event.document), via="partner")
        except UnreadableWebhook as error:
            raise Permanent(error.message) from error
