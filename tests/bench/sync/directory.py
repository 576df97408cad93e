"""A directory of Stripe events, and the state of the objects that they end in."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from oppulence.sync.stripe_events import read
from tests.support import stripe

Key = tuple[str, str, str]
"""Account, type, id."""

_HANDLED = {
    "charge": "captured expired failed pending refunded succeeded updated refund.updated",
    "charge.dispute": "created updated closed funds_withdrawn funds_reinstated",
    "checkout.session": "completed expired async_payment_failed async_payment_succeeded",
    "credit_note": "created updated voided",
    "customer": "created updated deleted",
    "customer.subscription": "created updated deleted paused resumed trial_will_end pending_update_applied "
    "pending_update_expired",
    "customer.tax_id": "created updated deleted",
    "entitlements.active_entitlement_summary": "updated",
    "invoice": "created deleted finalized finalization_failed marked_uncollectible paid payment_action_required payment_failed "
    "payment_succeeded sent upcoming updated voided",
    "invoice_payment": "paid",
    "payment_intent": "amount_capturable_updated canceled created partially_funded payment_failed processing requires_action "
    "succeeded",
    "payment_method": "attached detached updated automatically_updated",
    "plan": "created updated deleted",
    "price": "created updated deleted",
    "product": "created updated deleted",
    "radar.early_fraud_warning": "created updated",
    "refund": "created failed updated",
    "review": "opened closed",
    "setup_intent": "canceled created requires_action setup_failed succeeded",
    "subscription_schedule": "aborted canceled completed created expiring released updated",
}
HANDLED_BY_PEER = frozenset(f"{kind}.{what}" for kind, whats in _HANDLED.items() for what in whats.split())
"""Event types that @supabase/stripe-sync-engine 0.48.5 takes; it refuses all others."""


@dataclass(frozen=True)
class Directory:
    """Exact bodies in their order, the objects as they stand in the end, and which of their fields change without an event."""

    bodies: list[bytes]
    final: dict[Key, dict[str, Any]]
    silent: dict[str, list[str]]

    @cached_property
    def types(self) -> list[str]:
        """Each body's event type."""
        return [read(body).type for body in self.bodies]

    @cached_property
    def rated(self) -> list[bytes]:
        """Bodies of the event types that the peer handles."""
        return [body for body, kind in zip(self.bodies, self.types, strict=True) if kind in HANDLED_BY_PEER]


def load(folder: Path) -> Directory:
    """Read a folder: events in `*.jsonl[.gz]` and `*.json` (one, or a list), `objects.jsonl[.gz]`, a manifest if there is one."""
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".json", ".jsonl", ".jsonl.gz")))
    bodies = [body for path in files if not path.name.startswith("objects.jsonl") for body in _bodies(path)]
    objects = [json.loads(line) for path in files if path.name.startswith("objects.jsonl") for line in _lines(path)]
    manifest = folder / "manifest.json"
    silent = json.loads(manifest.read_text()) if manifest.exists() else stripe.manifest()
    return Directory(
        bodies,
        {(one.get("account") or "", one["object_type"], one["id"]): one["object"] for one in objects},
        silent.get("silent_fields", {}),
    )


def _bodies(path: Path) -> Iterator[bytes]:
    if path.suffix != ".json":
        yield from _lines(path)
        return
    document = json.loads(path.read_bytes())
    if isinstance(document, dict) and document.get("object") == "event":
        yield path.read_bytes()
    for one in document if isinstance(document, list) else []:
        yield json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode()


def _lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [line for line in (gzip.decompress(data) if path.suffix == ".gz" else data).split(b"\n") if line.strip()]
