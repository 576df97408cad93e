"""The bundled corpus, and what must be true once all of it has arrived: computed from its files, nothing written down."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.paths import REPO
from oppulence.recovery.cadence import DEFAULT, FINAL

FOLDER = REPO / "tests" / "fixtures" / "stripe"
PAYMENT_FAILED = "invoice.payment_failed"
UNSURE_S = 86_400.0
"""A step due this near its invoice's end may be sent or not: functions know the time to a second, which is half a day of it."""

Key = tuple[str, str]
"""Connected account ('' for the connection's own) and object id."""


@dataclass(frozen=True)
class Event:
    """One webhook: its exact bytes, and what deciding when to send it needs. `created` is in seconds since 1970."""

    id: str
    type: str
    account: str
    created: int
    body: bytes
    object: dict[str, Any]

    @property
    def key(self) -> Key:
        return self.account, str(self.object.get("id"))


@dataclass(frozen=True)
class Case:
    """What must become of an invoice whose payment failed; amounts in minor units."""

    status: str
    currency: str
    at_risk_minor: int
    recovered_minor: int
    steps: frozenset[str]
    """Steps of the cadence that are due well before its invoice is final."""

    unsure: frozenset[str]
    """Steps that are due at about the time when it becomes final."""


@cache
def events() -> tuple[Event, ...]:
    """All webhooks, in the order in which they happened."""
    return tuple(_event(line) for line in gzip.decompress((FOLDER / "events.jsonl.gz").read_bytes()).splitlines())


def objects() -> dict[str, dict[Key, dict[str, Any]]]:
    """The final state by type and key, of objects that are there in the end and have events to tell of them."""
    told = {(event.account, str(event.object.get("object")), str(event.object.get("id"))) for event in events()}
    found: dict[str, dict[Key, dict[str, Any]]] = defaultdict(dict)
    for line in _final():
        account = line.get("account") or ""
        if (account, line["object_type"], line["id"]) in told and not line["object"].get("deleted"):
            found[line["object_type"]][account, line["id"]] = line["object"]
    return dict(sorted(found.items()))


@cache
def silent_fields() -> dict[str, list[str]]:
    """Fields that change without any event, by type; `*` is all of them."""
    found: dict[str, list[str]] = json.loads((FOLDER / "manifest.json").read_text())["silent_fields"]
    return found


def clearing() -> dict[str, int]:
    """What the provider holds by currency, had it charged no fees: charges - refunds - disputes - payouts."""
    held: Counter[str] = Counter()
    for line in _final():
        held[str(line["object"].get("currency")).upper()] += _moved(line["object_type"], line["object"])
    return {currency: amount for currency, amount in sorted(held.items()) if amount}


def cases() -> dict[Key, Case]:
    """One case for each invoice whose payment failed; its outcome is that of the invoice's final state."""
    first: dict[Key, Event] = {}
    for event in events():
        if event.type == PAYMENT_FAILED:
            first.setdefault(event.key, event)
    final = {(line.get("account") or "", line["id"]): line["object"] for line in _final() if line["object_type"] == "invoice"}
    return {key: _case(failed, final[key], _final_at(failed)) for key, failed in first.items()}


def last_second() -> float:
    """When the last cadence that can begin is over."""
    last_failure = max(event.created for event in events() if event.type == PAYMENT_FAILED)
    return max(events()[-1].created, last_failure + (DEFAULT.over_after + timedelta(hours=1)).total_seconds())


def _case(failed: Event, final: dict[str, Any], final_at: float) -> Case:
    at_risk = int(failed.object["amount_remaining"])
    paid = final["status"] == "paid"
    recovered = min(at_risk, int(final["amount_paid"])) if paid else 0
    due = {step.name: failed.created + step.after.total_seconds() for step in DEFAULT.steps}
    return Case(
        status="recovered" if paid else "lost",
        currency=str(failed.object["currency"]).upper(),
        at_risk_minor=at_risk,
        recovered_minor=recovered,
        steps=frozenset(name for name, at in due.items() if at < final_at - UNSURE_S),
        unsure=frozenset(name for name, at in due.items() if abs(at - final_at) <= UNSURE_S),
    )


def _final_at(failed: Event) -> float:
    """When the invoice of a failure became paid, void or uncollectible, by the events; never is infinity."""
    for event in events():
        is_later = event.key == failed.key and event.created >= failed.created and event.object.get("object") == "invoice"
        if is_later and event.object.get("status") in FINAL:
            return event.created
    return float("inf")


def _moved(kind: str, shown: dict[str, Any]) -> int:
    """What one object put into the provider's account, in minor units."""
    match kind:
        case "charge":
            return int(shown["amount_captured"]) if shown["status"] == "succeeded" and shown["captured"] else 0
        case "refund":
            return -int(shown["amount"]) if shown["status"] not in ("failed", "canceled") else 0
        case "dispute":
            return sum(int(moved["amount"]) for moved in shown["balance_transactions"])
        case "payout":
            return -int(shown["amount"]) if shown["status"] not in ("failed", "canceled") else 0
    return 0


def _event(line: bytes) -> Event:
    document = json.loads(line)
    shown = document["data"]["object"]
    return Event(document["id"], document["type"], document.get("account") or "", document["created"], line, shown)


@cache
def _final() -> tuple[dict[str, Any], ...]:
    return tuple(_lines("objects.jsonl.gz"))


def _lines(name: str) -> Iterator[dict[str, Any]]:
    path: Path = FOLDER / name
    for line in gzip.decompress(path.read_bytes()).splitlines():
        yield json.loads(line)
