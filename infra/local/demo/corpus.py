"""What happened at Stripe, and what must be true once all of it has arrived: computed from its events, nothing written down."""

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from infra.local.paths import REPO
from infra.local.stripe.fake import FakeStripe
from infra.local.stripe.unit import PLATFORM
from oppulence.recovery.cadence import DEFAULT, FINAL

FOLDER = REPO / "tests" / "fixtures" / "stripe"
PAYMENT_FAILED = "invoice.payment_failed"
UNSURE_S = 86_400.0
"""A step due this near its invoice's end may be sent or not: functions know the time to a second, which is half a day of it."""

Key = tuple[str, str]
"""Connected account ('' for the connection's own) and object id."""

Ended = tuple[str, dict[str, Any]]
"""Connected account and an object as it is in the end."""


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


@dataclass(frozen=True)
class Story:
    """What happened at Stripe, in order, and how it ended; from it follows what the platform must show."""

    events: tuple[Event, ...]
    final: tuple[Ended, ...]

    def objects(self) -> dict[str, dict[Key, dict[str, Any]]]:
        """The final state by type and key, of objects that are there in the end and have events to tell of them."""
        told = {(event.account, str(event.object.get("object")), str(event.object.get("id"))) for event in self.events}
        found: dict[str, dict[Key, dict[str, Any]]] = defaultdict(dict)
        for account, shown in self.final:
            if (account, shown["object"], shown["id"]) in told and not shown.get("deleted"):
                found[shown["object"]][account, shown["id"]] = shown
        return dict(sorted(found.items()))

    def clearing(self) -> dict[str, int]:
        """What the provider holds by currency, had it charged no fees: charges - refunds - disputes - payouts."""
        held: Counter[str] = Counter()
        for _, shown in self.final:
            held[str(shown.get("currency")).upper()] += _moved(shown)
        return {currency: amount for currency, amount in sorted(held.items()) if amount}

    def cases(self) -> dict[Key, Case]:
        """One case for each invoice whose payment failed; its outcome is that of the invoice's final state."""
        first: dict[Key, Event] = {}
        for event in self.events:
            if event.type == PAYMENT_FAILED:
                first.setdefault(event.key, event)
        final = {(account, shown["id"]): shown for account, shown in self.final if shown["object"] == "invoice"}
        return {key: _case(failed, final[key], self._final_at(failed)) for key, failed in first.items()}

    def last_second(self) -> float:
        """When the last cadence that can begin is over."""
        last_failure = max(event.created for event in self.events if event.type == PAYMENT_FAILED)
        return max(self.events[-1].created, last_failure + (DEFAULT.over_after + timedelta(hours=1)).total_seconds())

    def _final_at(self, failed: Event) -> float:
        """When the invoice of a failure became paid, void or uncollectible, by the events; never is infinity."""
        for event in self.events:
            is_later = event.key == failed.key and event.created >= failed.created and event.object.get("object") == "invoice"
            if is_later and event.object.get("status") in FINAL:
                return event.created
        return float("inf")


@cache
def bundled() -> Story:
    """The corpus."""
    final = ((line.get("account") or "", line["object"]) for line in map(json.loads, _lines("objects.jsonl.gz")))
    return Story(tuple(map(_event, _lines("events.jsonl.gz"))), tuple(final))


def of_stripe(stripe: FakeStripe) -> Story:
    """All that happened at a local Stripe: the corpus, once it was played there, and whatever else."""
    shelves = list(stripe.shelves())
    events = tuple(_event(body) for _, kind, body in shelves if kind == "event")
    # Objects of the platform's own lie on one shelf, where a capability of each account has the same id: events tell them apart.
    last = {(one.account, one.object["object"], one.object.get("id")): one for one in events}
    final = [(one.account, one.object) for (_, kind, _), one in last.items() if kind in PLATFORM and not _removes(one)]
    final += [(account, json.loads(body)) for account, kind, body in shelves if kind not in PLATFORM | {"event"}]
    return Story(events, tuple(final))


@cache
def silent_fields() -> dict[str, list[str]]:
    """Fields that change without any event, by type; `*` is all of them."""
    found: dict[str, list[str]] = json.loads((FOLDER / "manifest.json").read_text())["silent_fields"]
    return found


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


def _moved(shown: dict[str, Any]) -> int:
    """What one object put into the provider's account, in minor units."""
    match shown["object"]:
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


def _removes(event: Event) -> bool:
    return event.type.endswith(".deleted") and event.type != "customer.subscription.deleted"


def _lines(name: str) -> list[bytes]:
    return gzip.decompress((FOLDER / name).read_bytes()).splitlines()
