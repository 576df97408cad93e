"""All objects of one type of one account, in order, with what lists can be narrowed by; bodies stay encoded."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]
"""Filterable values of an object; a tuple counts as each of its members."""

Key = tuple[int, int, str]
"""(created, sequence, id): lists run from the greatest to the least."""

FIELDS = (
    "account", "active", "amount", "arrival_date", "available_on", "canceled_at", "charge", "code", "collection_method",
    "created", "currency", "customer", "deleted", "destination", "due_date", "email", "fee", "invoice", "lookup_key", "net",
    "object", "payment_intent", "payment_method", "payout", "price", "product", "shippable", "source", "status", "subscription",
    "test_clock", "transfer", "transfer_group", "type", "url",
)  # fmt: skip
INDEXED = {
    "account", "charge", "code", "customer", "email", "invoice", "lookup_key", "payment_intent", "payment_method", "payout",
    "price", "product", "source", "status", "subscription", "test_clock", "type",
}  # fmt: skip


@dataclass(slots=True)
class Row:
    """One object: where it stands in lists, its encoded body, and its facts."""

    key: Key
    body: bytes
    facts: Facts


@dataclass(slots=True)
class Shelf:
    kind: str
    rows: dict[str, Row] = field(default_factory=dict)
    order: list[Key] = field(default_factory=list)
    index: dict[tuple[str, Any], list[Key]] = field(default_factory=dict)

    def put(self, row: Row) -> None:
        """Add an object, or replace it; a replaced one keeps its place."""
        id = row.key[2]
        old = self.rows.get(id)
        if old is None:
            insort(self.order, row.key)
        else:
            self._unindex(old)
        self.rows[id] = row
        for entry in entries(row.facts):
            insort(self.index.setdefault(entry, []), row.key)

    def drop(self, id: str) -> None:
        row = self.rows.pop(id, None)
        if row is not None:
            _remove(self.order, row.key)
            self._unindex(row)

    def keys(self, wanted: Facts) -> list[Key]:
        """Keys of the objects whose indexed facts are those wanted, oldest first; other facts are not looked at."""
        lists = [self.index.get((name, value), []) for name, value in wanted.items() if name in INDEXED]
        return min(lists, key=len) if lists else self.order

    def select(self, wanted: Facts) -> Iterator[Row]:
        """The objects whose facts are all as wanted, oldest first."""
        for key in list(self.keys(wanted)):
            row = self.rows[key[2]]
            if matches(row.facts, wanted):
                yield row

    def _unindex(self, row: Row) -> None:
        for entry in entries(row.facts):
            _remove(self.index[entry], row.key)


def matches(facts: Facts, wanted: Facts) -> bool:
    for name, value in wanted.items():
        told = facts.get(name)
        if told != value and not (isinstance(told, tuple) and value in told):
            return False
    return True


def entries(facts: Facts) -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if name in INDEXED:
            for one in value if isinstance(value, tuple) else (value,):
                yield name, one


def _remove(keys: list[Key], key: Key) -> None:
    at = bisect_left(keys, key)
    if at < len(keys) and keys[at] == key:
        del keys[at]


def facts_of(body: dict[str, Any]) -> Facts:
    """What an object can be found by, also where the API's filter is named otherwise than the object's field."""
    facts: Facts = {}
    for name in FIELDS:
        value = body.get(name)
        if isinstance(value, dict):
            value = value.get("id")
        if isinstance(value, str | int | bool):
            facts[name] = value
    derived = _DERIVED.get(str(body.get("object")))
    return facts | {k: v for k, v in derived(body).items() if v is not None} if derived else facts


def _of_invoice(body: dict[str, Any]) -> Facts:
    parent = body.get("parent") or {}
    return {"subscription": (parent.get("subscription_details") or {}).get("subscription")}


def _of_subscription(body: dict[str, Any]) -> Facts:
    items = body["items"]["data"]
    prices = tuple(item["price"]["id"] for item in items)
    ends = [item["current_period_end"] for item in items] or [None]
    starts = [item["current_period_start"] for item in items] or [None]
    return {"price": prices, "plan": prices, "current_period_end": ends[0], "current_period_start": starts[0]}


def _of_invoice_payment(body: dict[str, Any]) -> Facts:
    return {"payment_intent": body["payment"].get("payment_intent"), "payment_type": body["payment"]["type"]}


def _of_price(body: dict[str, Any]) -> Facts:
    recurring = body.get("recurring") or {}
    return {"interval": recurring.get("interval"), "usage_type": recurring.get("usage_type"), "meter": recurring.get("meter")}


def _of_session(body: dict[str, Any]) -> Facts:
    return {"customer_email": (body.get("customer_details") or {}).get("email")}


_DERIVED: dict[str, Callable[[dict[str, Any]], Facts]] = {
    "invoice": _of_invoice,
    "subscription": _of_subscription,
    "invoice_payment": _of_invoice_payment,
    "price": _of_price,
    "checkout.session": _of_session,
    "fee_refund": lambda body: {"application_fee": body["fee"]},
    "v2.core.event": lambda body: {"object_id": body["related_object"]["id"]},
    "promotion_code": lambda body: {"coupon": (body.get("promotion") or {}).get("coupon")},
}
