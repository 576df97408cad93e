"""Stripe's door: who signed this, and is it safe with us?

Shape and age of the header come before any look-up, the signature before anything is read of the body, and the answer after
the inbound bus has the event. Decrypted secrets stay in the process for at most five minutes; when none matches, the table is
read once more, so a rotated secret works within a second.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pydantic_core import from_json

from oppulence.connections import door_table, stripe_signature
from oppulence.connections.door_table import SECRETS, DoorRow
from oppulence.connections.errors import ConnectionNotFound, InvalidSignature, UnreadableWebhook
from oppulence.connections.stripe_webhooks import PROVIDER, Origin, hand_on
from oppulence.kernel.crypto import CACHE_S, KeyErased, Keyring

REREAD_S = 1.0
"""At most once a second and connection, so that garbage does not become a load on the table."""


@dataclass
class _Open:
    """A connection with its secrets open."""

    row: DoorRow
    ring: Keyring
    secrets: list[str]
    read_at: float = field(default_factory=time.monotonic)


_kept: dict[str, list[_Open]] = {}


def take(connection_id: str, header: str | None, body: bytes) -> str:
    """Accept a webhook for a connection; returns the provider's event id.

    Raises:
        InvalidSignature, ConnectionNotFound, UnreadableWebhook, Unavailable
    """
    return _take(connection_id, lambda: _one(connection_id), header, body)


def take_for_workspace(workspace_id: str, header: str | None, body: bytes) -> str:
    """Accept a webhook for whichever of the workspace's connections signed it; returns the provider's event id.

    Raises:
        InvalidSignature, ConnectionNotFound, UnreadableWebhook, Unavailable
    """
    return _take(workspace_id, lambda: door_table.read_all(workspace_id, PROVIDER), header, body)


def forget_all() -> None:
    """Drop all open secrets from this process."""
    _kept.clear()


def _take(slot: str, read: Callable[[], list[DoorRow]], header: str | None, body: bytes) -> str:
    signature = stripe_signature.parse(header)
    if signature is None:
        raise InvalidSignature("Send the Stripe-Signature header as Stripe made it: `t=…,v1=…`.", param="Stripe-Signature")
    if not signature.is_fresh(time.time()):
        raise InvalidSignature("The signature is older than five minutes, or from the future.", param="Stripe-Signature")
    candidates = _connections(slot, read, fresh=False)
    signer = _signer(candidates, signature, body)
    if signer is None and time.monotonic() - max(one.read_at for one in candidates) > REREAD_S:
        signer = _signer(_connections(slot, read, fresh=True), signature, body)
    if signer is None:
        raise InvalidSignature("No signing secret of this connection made this signature.", param="Stripe-Signature")
    return _hand_on(signer, signature, body)


def _one(connection_id: str) -> list[DoorRow]:
    row = door_table.read(connection_id)
    return [row] if row else []


def _connections(slot: str, read: Callable[[], list[DoorRow]], *, fresh: bool) -> list[_Open]:
    kept = _kept.get(slot)
    if kept and not fresh and time.monotonic() - kept[0].read_at < CACHE_S:
        return kept
    found = [_opened(row) for row in read() if row.status != "disconnected" and row.provider == PROVIDER]
    if not found:
        _kept.pop(slot, None)
        raise ConnectionNotFound("No live connection to Stripe stands behind this URL.")
    _kept[slot] = found
    return found


def _opened(row: DoorRow) -> _Open:
    ring = row.keyring
    try:
        secrets: list[str] = from_json(ring.open(row.webhook_secrets, SECRETS))
    except KeyErased as error:
        raise ConnectionNotFound("No live connection to Stripe stands behind this URL.") from error
    return _Open(row, ring, secrets)


def _signer(candidates: list[_Open], signature: stripe_signature.Signature, body: bytes) -> _Open | None:
    return next((one for one in candidates if signature.matches(body, one.secrets)), None)


def _hand_on(signer: _Open, signature: stripe_signature.Signature, body: bytes) -> str:
    """Put the webhook on the inbound bus, sealed."""
    try:
        document = _parsed(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableWebhook("The body is not a Stripe event: JSON with an `id` is expected.", param="body") from error
    origin = Origin(signer.row.workspace_id, signer.row.connection_id, signer.ring)
    return hand_on(origin, document, body, signed_at=signature.at)


def _parsed(body: bytes) -> Any:  # noqa: ANN401
    """The JSON document. What the quick reader refuses, such as half a surrogate pair in a name, the patient one takes."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return json.loads(body, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
