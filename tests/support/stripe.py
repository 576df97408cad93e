"""Stripe's side in tests: the bundled corpus, signatures, and webhooks as they travel on the inbound bus."""

import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oppulence.connections import stripe_door
from oppulence.connections.events import WebhookReceived
from oppulence.kernel import clock, crypto, db, inbound

if TYPE_CHECKING:
    from tests.support.world import World

CORPUS = Path(__file__).parents[1] / "fixtures" / "stripe"


@cache
def corpus() -> tuple[bytes, ...]:
    """The exact bytes of the corpus's events, oldest first."""
    return tuple(gzip.decompress((CORPUS / "events.jsonl.gz").read_bytes()).splitlines())


@cache
def final_objects() -> tuple[dict[str, Any], ...]:
    """The corpus's objects as they stand in the end."""
    return tuple(json.loads(line) for line in gzip.decompress((CORPUS / "objects.jsonl.gz").read_bytes()).splitlines())


@cache
def manifest() -> dict[str, Any]:
    """Totals and silent fields of the corpus."""
    found: dict[str, Any] = json.loads((CORPUS / "manifest.json").read_text())
    return found


def signature(body: bytes, secret: str, at: int | None = None) -> str:
    """A `Stripe-Signature` header; `at` is the second it claims."""
    at = int(time.time()) if at is None else at
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def webhook(workspace_id: str, body: bytes, connection_id: str = "conn_00000000000000000000") -> WebhookReceived:
    """A webhook that has passed its door, sealed as on the inbound bus."""
    document = json.loads(body)
    ring = db.read("sync", lambda conn: crypto.keyring(conn, workspace_id))
    return WebhookReceived(
        connection_id=connection_id, provider="stripe", provider_event_id=document["id"], account=document.get("account"),
        mode="live" if document.get("livemode") else "test", received_at=clock.real_now(),
        sha256=hashlib.sha256(body).hexdigest(), **inbound.sealed_body(ring, body, f"webhooks/{workspace_id}"),
    )  # fmt: skip


def forget_doors() -> None:
    """As if the doors ran in fresh processes."""
    stripe_door.forget_all()


def mirror(world: "World", bodies: Sequence[bytes]) -> None:
    """Have the sync engine take in events, as one batch."""
    webhooks = [webhook(world.workspace_id, body) for body in bodies]
    assert world.deliver("sync.consumers.on_webhook_received", *webhooks) == []
