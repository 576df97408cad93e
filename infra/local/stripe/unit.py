"""One unit of work: objects read, changed and announced together, and written together or not at all."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.local.stripe import ids
from infra.local.stripe.errors import no_such
from infra.local.stripe.shelves import Row, facts_of, matches
from infra.local.stripe.store import Changes, Due, Store, created_of, encode

API_VERSION = "2026-05-27.dahlia"
Obj = dict[str, Any]
PLATFORM = frozenset({"account", "bank_account", "capability", "person", "test_helpers.test_clock"})
"""Types that belong to the platform, also when a connected account is meant."""


class Time(Protocol):
    """The world's clock."""

    def second(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Call:
    """The API request that causes a change, as events tell it; both are None when time or a test causes it."""

    id: str | None = None
    key: str | None = None


@dataclass
class Unit:
    """`clock` is the test clock whose time counts ('' is the world's); it becomes that of the customer who is followed."""

    store: Store
    time: Time
    account: str = ""
    call: Call = Call()
    clock: str = ""
    settings: Obj = field(default_factory=dict)
    objects: dict[tuple[str, str], Obj] = field(default_factory=dict)
    changed: dict[tuple[str, str], None] = field(default_factory=dict)
    gone: dict[tuple[str, str], None] = field(default_factory=dict)
    fresh: dict[tuple[str, str], int] = field(default_factory=dict)
    events: list[Obj] = field(default_factory=list)
    wishes: list[tuple[int, str, tuple[Any, ...]]] = field(default_factory=list)

    @property
    def now(self) -> int:
        clock = self.get("test_helpers.test_clock", self.clock) if self.clock else None
        return int(clock["frozen_time"]) if clock else self.time.second()

    def follow(self, obj: Obj) -> None:
        """Take the time of this customer, subscription or invoice."""
        self.clock = obj.get("test_clock") or ""

    def get(self, kind: str, id: str | None) -> Obj | None:
        """The object as it stands in this unit."""
        if id is None or (kind, id) in self.gone:
            return None
        if (kind, id) not in self.objects:
            row = self.store.shelf(self.home(kind), kind).rows.get(id)
            if row is None:
                return None
            self.objects[kind, id] = _decode(row.body)
        return self.objects[kind, id]

    def need(self, kind: str, id: str, param: str = "id") -> Obj:
        """The object.

        Raises:
            StripeError: there is none, or it was deleted.
        """
        found = self.get(kind, id)
        if found is None or (found.get("deleted") and param != "id"):
            raise no_such(kind, id, param)
        return found

    def find(self, kind: str, **wanted: Any) -> list[Obj]:
        """Objects whose facts are as wanted, oldest first."""
        keys = {row.key[2]: row.key[:2] for row in self.store.shelf(self.home(kind), kind).select(wanted)}
        for (type_, id), obj in self.objects.items():
            if type_ == kind and (type_, id) in self.changed:
                keys.pop(id, None)
                if matches(facts_of(obj), wanted):
                    keys[id] = self._place(kind, id, obj)
        found = [self.get(kind, id) for id in sorted(keys, key=lambda id: keys[id])]
        return [obj for obj in found if obj is not None]

    def add(self, obj: Obj) -> Obj:
        key = (str(obj["object"]), str(obj["id"]))
        self.objects[key] = obj
        self.fresh[key] = self.store.next()
        self.changed[key] = None
        self.gone.pop(key, None)
        return obj

    def change(self, obj: Obj, event: str | None = None, **fields: Any) -> Obj:
        """Set fields; with `event`, tell it with what they were before. An update that changes nothing is not told."""
        before = {name: copy.deepcopy(obj.get(name)) for name in fields}
        obj.update(fields)
        self.touch(obj)
        if event:
            previous = changed(before, {name: obj[name] for name in fields})
            if previous or not event.endswith("updated"):
                self.emit(event, obj, previous if event.endswith("updated") or event == "charge.refunded" else None)
        return obj

    def touch(self, obj: Obj) -> None:
        self.changed[str(obj["object"]), str(obj["id"])] = None

    def remove(self, obj: Obj) -> None:
        key = (str(obj["object"]), str(obj["id"]))
        self.gone[key] = None
        self.changed.pop(key, None)
        self.objects.pop(key, None)

    def emit(self, kind: str, obj: Obj, previous: Obj | None = None) -> None:
        data = {"object": copy.deepcopy(obj)} | ({"previous_attributes": previous} if previous is not None else {})
        event = {
            "id": ids.new("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.call.id, "idempotency_key": self.call.key},
            "type": kind,
        }
        if self.account:
            event["account"] = self.account
        self.events.append(self.add(event))

    def at(self, second: int, action: str, *args: Any) -> None:
        """Have a named action done at a second of the clock that counts now."""
        self.wishes.append((second, action, args))

    def later(self, seconds: int, action: str, *args: Any) -> None:
        self.at(self.now + seconds, action, *args)

    def changes(self, number: int) -> Changes:
        """All that is to be written; agenda entries are numbered from `number` on."""
        rows = []
        for kind, id in self.changed:
            obj = self.objects[kind, id]
            rows.append((self.home(kind), kind, Row((*self._place(kind, id, obj), id), encode(obj), facts_of(obj))))
        agenda = [Due(at, number + n, self.clock, self.account, name, args) for n, (at, name, args) in enumerate(self.wishes)]
        return Changes(rows=rows, gone=[(self.home(kind), kind, id) for kind, id in self.gone], agenda=agenda)

    def _place(self, kind: str, id: str, obj: Obj) -> tuple[int, int]:
        row = self.store.shelf(self.home(kind), kind).rows.get(id)
        return row.key[:2] if row else (created_of(obj, self.now), self.fresh[kind, id])

    def home(self, kind: str) -> str:
        """The account on whose shelves a type's objects stand."""
        return "" if kind in PLATFORM else self.account


def changed(before: Obj, after: Obj) -> Obj:
    """Old values of what differs, as `previous_attributes` nests them: hashes by key, lists and whole objects as they were."""
    found: Obj = {}
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        nests = isinstance(old, dict) and isinstance(new, dict) and old and new and "object" not in old
        found[name] = changed(old, new) if nests and isinstance(old, dict) and isinstance(new, dict) else old
    return found


def _decode(body: bytes) -> Obj:
    found: Obj = json.loads(body)
    return found
