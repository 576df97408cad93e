"""The world of one fake Stripe: its store, its time, what is still to happen in it, and who is told."""

import heapq
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from infra.local.stripe import thin
from infra.local.stripe.store import Changes, Delivery, Due, Saved, Store
from infra.local.stripe.unit import Call, Obj, Unit

Action = Callable[..., object]
Step = TypeVar("Step", bound=Action)
ACTIONS: dict[str, Action] = {}

SETTINGS: Obj = {
    "retry_days": [3, 5, 7],  # smart retries of a failed renewal, days after the attempt before
    "after_retries": "cancel",  # or unpaid, past_due
    "invoice_after_retries": "open",  # or uncollectible
    "upcoming_days": 7,  # invoice.upcoming before a renewal; shorter periods have none
}
KEPT_S = 86_400
"""How long an answer is repeated for its idempotency key, in world seconds."""

ACCOUNT = "acct_1LocalStripe000001"


def action(step: Step) -> Step:
    """Name a function, so that the agenda can have it done later, also after a restart."""
    ACTIONS[step.__name__] = step
    return step


@dataclass
class Clock:
    """World time: it runs with real time from where it was set, or stands until it is moved."""

    base: float
    real: float
    frozen: bool

    def now(self) -> float:
        return self.base if self.frozen else self.base + (time.time() - self.real)

    def second(self) -> int:
        return int(self.now())

    def set(self, second: float) -> None:
        self.base, self.real = second, time.time()


@dataclass
class World:
    store: Store
    clock: Clock
    settings: Obj = field(default_factory=lambda: dict(SETTINGS))
    account: str = ACCOUNT
    agenda: dict[str, list[Due]] = field(default_factory=lambda: defaultdict(list))
    told: Callable[[list[Delivery]], None] = lambda _: None
    check: Callable[[Obj], None] | None = None
    """Called with each event before it is written, when answers are validated."""

    _due_number: int = 0
    _delivery_number: int = 0

    @classmethod
    def open(cls, file: Path, *, now: float | None = None, frozen: bool = False) -> "World":
        """The world kept in a file; a new one starts at `now` (world seconds; None is real time)."""
        store = Store(file)
        kept = store.read_state()
        clock = Clock(**kept["clock"]) if "clock" in kept else Clock(now if now is not None else time.time(), time.time(), frozen)
        world = cls(store, clock, SETTINGS | kept.get("settings", {}), kept.get("account", ACCOUNT))
        for due in store.agenda():
            heapq.heappush(world.agenda[due.clock], due)
        world._due_number, world._delivery_number = store.last_number("agenda"), store.last_number("deliveries")
        store.forget_answers(clock.second() - KEPT_S)
        world.keep()
        return world

    def clear(self, now: float) -> None:
        """Begin anew: nothing on the shelves, nothing to come, the settings as they were at first."""
        self.store.clear()
        self.agenda.clear()
        self.clock.set(now)
        self.account = ACCOUNT
        self.settings.update(SETTINGS, account=ACCOUNT)
        self.keep()

    def keep(self) -> None:
        """Write time and settings down."""
        told = {"base": self.clock.base, "real": self.clock.real, "frozen": self.clock.frozen}
        self.store.keep_state(clock=told, settings=self.settings, account=self.account)

    def unit(self, account: str = "", call: Call = Call(), clock: str = "") -> Unit:
        return Unit(self.store, self.clock, account, call, clock, self.settings)

    def commit(self, unit: Unit, *, saved: Saved | None = None, done: int | None = None) -> None:
        """Write a unit of work, then let its events go out."""
        deliveries = [one for event in unit.events for one in self._deliveries(unit, event)]
        if self.check:
            for event in unit.events:
                self.check(event)
        changes: Changes = unit.changes(self._due_number + 1)
        self._due_number += len(changes.agenda)
        changes.deliveries, changes.saved, changes.done = deliveries, saved, done
        if changes.rows or changes.gone or changes.agenda or deliveries or saved or done is not None:
            self.store.commit(changes)
        for due in changes.agenda:
            heapq.heappush(self.agenda[due.clock], due)
        if deliveries:
            self.told(deliveries)

    def deliver(self, account: str, event: str, endpoints: list[str]) -> list[Delivery]:
        """Send an event that exists to endpoints, once more or for the first time."""
        made = [self._delivery(account, event, endpoint) for endpoint in endpoints]
        self.store.commit(Changes(deliveries=made))
        self.told(made)
        return made

    def due(self, clock: str, until: float) -> Due | None:
        """Take the next thing that happens by a second of a clock from the agenda; it stays written down until it is done."""
        waiting = self.agenda[clock]
        return heapq.heappop(waiting) if waiting and waiting[0].at <= until else None

    def do(self, due: Due) -> None:
        """Do what is due, as one unit of work."""
        unit = self.unit(due.account, clock=due.clock)
        ACTIONS[due.action](unit, *due.args)
        self.commit(unit, done=due.n)

    def endpoints(self, account: str, kind: str) -> list[str]:
        """Enabled endpoints that want an event of this type and account."""
        wanted = []
        for home in {"", account}:
            unit = self.unit(home)
            for endpoint in unit.find("webhook_endpoint", status="enabled"):
                hidden: dict[str, Any] = unit.get("_endpoint", endpoint["id"]) or {}
                hears = hidden.get("connect", False) == bool(account) if home == "" else True
                if hears and {kind, "*"} & set(endpoint["enabled_events"]):
                    wanted.append(str(endpoint["id"]))
        return wanted

    def body(self, account: str, event: str) -> bytes | None:
        """An event as it is sent."""
        rows = (self.store.shelf(account, kind).rows.get(event) for kind in ("event", thin.EVENT))
        return next((row.body for row in rows if row), None)

    def target(self, account: str, endpoint: str) -> tuple[str, list[str]] | None:
        """Where an endpoint or destination of the platform or of the account listens, and the secrets that sign now."""
        for home in {"": None, account: None}:
            hidden = self.unit(home).get("_endpoint", endpoint)
            if hidden:
                url = hidden.get("url") or self.unit(home).need("webhook_endpoint", endpoint)["url"]
                until = self.clock.now()
                return url, [one["secret"] for one in hidden["secrets"] if one["until"] is None or one["until"] > until]
        return None

    def _deliveries(self, unit: Unit, event: Obj) -> list[Delivery]:
        endpoints = self.endpoints(unit.account, event["type"])
        event["pending_webhooks"] = len(endpoints)
        made = [self._delivery(unit.account, event["id"], endpoint) for endpoint in endpoints]
        if told := thin.told(unit, event):
            made += [self._delivery(unit.account, told[0]["id"], destination) for destination in told[1]]
        return made

    def _delivery(self, account: str, event: str, endpoint: str) -> Delivery:
        self._delivery_number += 1
        return Delivery(self._delivery_number, account, event, endpoint, self.clock.now())
