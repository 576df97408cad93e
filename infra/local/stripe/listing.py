"""Lists: newest first, by cursor, narrowed by what each type's list parameters say; pages are joined from encoded bodies."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.local.stripe.errors import invalid, no_such, not_simulated
from infra.local.stripe.params import PAGE
from infra.local.stripe.shelves import Facts, Key, Row, Shelf, matches

MOST = 100
DEFAULT = 10
_BOUNDS = {"gt": (1, "low"), "gte": (0, "low"), "lt": (0, "high"), "lte": (1, "high")}
Test = Callable[[Row], bool]


@dataclass(frozen=True)
class Page:
    """One page, still encoded. `next_page` only for search results."""

    rows: list[bytes]
    has_more: bool
    url: str
    object: str = "list"
    next_page: str | None = None

    @property
    def last(self) -> str:
        """The id of the last object; the cursor to the next page."""
        return str(json.loads(self.rows[-1])["id"])

    def encode(self) -> bytes:
        more = b"true" if self.has_more else b"false"
        rows = b",".join(self.rows)
        head = b'{"object":"' + self.object.encode() + b'","data":[' + rows + b'],"has_more":' + more
        search = b""
        if self.object == "search_result":
            search = b',"next_page":' + (b"null" if self.next_page is None else b'"' + self.next_page.encode() + b'"')
        return head + search + b',"url":"' + self.url.encode() + b'"}'


def page(shelf: Shelf, params: dict[str, Any], url: str, base: Facts | None = None, test: Test | None = None) -> Page:
    """A page of a type's objects.

    Raises:
        StripeError: a bad limit, an unknown cursor, a filter that is not simulated.
    """
    wanted, tests = narrow(shelf.kind, params)
    wanted |= base or {}
    tests += [test] if test else []
    limit = limit_of(params)
    keys = shelf.keys(wanted)
    low, high = _created(keys, params.get("created"))
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You may only specify one of these parameters: starting_after, ending_before.")
    order: Iterable[int]
    if before:
        at = bisect_right(keys, _cursor(shelf, before, "ending_before"))
        order = range(max(at, low), high)
    else:
        at = bisect_left(keys, _cursor(shelf, after, "starting_after")) if after else len(keys)
        order = range(min(at, high) - 1, low - 1, -1)
    found = list(_take(shelf, (keys[n] for n in order), wanted, tests, limit + 1))
    has_more = len(found) > limit
    rows = [row.body for row in found[:limit]]
    return Page(rows[::-1] if before else rows, has_more, url)


def limit_of(params: dict[str, Any]) -> int:
    limit = int(params.get("limit", DEFAULT))
    if not 1 <= limit <= MOST:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {MOST}"
        raise invalid(f"This value must be {bound}.", "limit", "parameter_invalid_integer")
    return limit


def _take(shelf: Shelf, keys: Iterator[Key], wanted: Facts, tests: list[Test], count: int) -> Iterator[Row]:
    for key in keys:
        row = shelf.rows[key[2]]
        if "deleted" not in row.facts and matches(row.facts, wanted) and all(test(row) for test in tests):
            yield row
            count -= 1
            if count == 0:
                return


def _cursor(shelf: Shelf, id: str, param: str) -> Key:
    row = shelf.rows.get(id)
    if row is None:
        raise no_such(shelf.kind, id, param)
    return row.key


def _created(keys: list[Key], wanted: Any) -> tuple[int, int]:
    """The part of `keys` whose creation is as wanted: a second, or a range."""
    low, high = 0, len(keys)
    if wanted is None:
        return low, high
    ranges = {"gte": wanted, "lte": wanted} if isinstance(wanted, int) else wanted
    for bound, second in ranges.items():
        more, side = _BOUNDS[bound]
        at = bisect_left(keys, (second + more, -1, ""))
        low, high = (max(low, at), high) if side == "low" else (low, min(high, at))
    return low, high


def narrow(kind: str, params: dict[str, Any]) -> tuple[Facts, list[Test]]:
    """Facts that must be equal, and tests for the rest."""
    wanted: Facts = {}
    tests: list[Test] = []
    given = {name: value for name, value in params.items() if name not in PAGE and name != "expand" and value is not None}
    special = _SPECIAL.get(kind)
    if special:
        tests += special(given)
    for name, value in given.items():
        if isinstance(value, dict):
            tests.append(_range(name, value))
        elif isinstance(value, list):
            tests.append(_among(name, value))
        else:
            wanted[name] = value
    return wanted, tests


def _range(name: str, bounds: dict[str, int]) -> Test:
    if not bounds.keys() <= _BOUNDS.keys():
        raise not_simulated(f"the filter `{name}`")

    def test(row: Row) -> bool:
        value = row.facts.get(name)
        if value is None:
            return False
        checks = {"gt": value > bounds.get("gt", 0), "gte": value >= bounds.get("gte", 0)}
        checks |= {"lt": value < bounds.get("lt", value + 1), "lte": value <= bounds.get("lte", value)}
        return all(checks[bound] for bound in bounds)

    return test


def _among(name: str, values: list[Any]) -> Test:
    return lambda row: row.facts.get(name.removesuffix("s")) in values


def _subscriptions(given: dict[str, Any]) -> list[Test]:
    """Without a status all that are not canceled; `ended` is canceled or never paid."""
    status = given.pop("status", None)
    if status == "all":
        return []
    if status == "ended":
        return [lambda row: row.facts["status"] in ("canceled", "incomplete_expired")]
    if status:
        given["status"] = status
        return []
    return [lambda row: row.facts["status"] != "canceled"]


def _events(given: dict[str, Any]) -> list[Test]:
    given.pop("delivery_success", None)  # the route's own
    types = given.pop("types", None) or ([given.pop("type")] if "*" in given.get("type", "") else [])
    heads = tuple(one.removesuffix("*") for one in types if one.endswith("*"))
    return [lambda row: row.facts["type"] in types or (bool(heads) and row.facts["type"].startswith(heads))] if types else []


def _prices(given: dict[str, Any]) -> list[Test]:
    given |= given.pop("recurring", {})
    return []


def _products(given: dict[str, Any]) -> list[Test]:
    ids = given.pop("ids", None)
    return [lambda row: row.key[2] in ids] if ids else []


def _invoiceitems(given: dict[str, Any]) -> list[Test]:
    pending = given.pop("pending", None)
    return [] if pending is None else [lambda row: ("invoice" not in row.facts) == pending]


def _invoice_payments(given: dict[str, Any]) -> list[Test]:
    payment = given.pop("payment", {})
    given |= {"payment_type" if name == "type" else name: value for name, value in payment.items()}
    return []


def _sessions(given: dict[str, Any]) -> list[Test]:
    email = given.pop("customer_details", {}).get("email")
    given |= {"customer_email": email} if email else {}
    return []


def _tax_ids(given: dict[str, Any]) -> list[Test]:
    owner = given.pop("owner", {})
    given |= {"customer": owner["customer"]} if owner.get("customer") else {}
    return []


def _thin_events(given: dict[str, Any]) -> list[Test]:
    types = given.pop("types", None)
    return [lambda row: row.facts["type"] in types] if types else []


_SPECIAL: dict[str, Callable[[dict[str, Any]], list[Test]]] = {
    "subscription": _subscriptions,
    "event": _events,
    "v2.core.event": _thin_events,
    "price": _prices,
    "product": _products,
    "invoiceitem": _invoiceitems,
    "invoice_payment": _invoice_payments,
    "checkout.session": _sessions,
    "tax_id": _tax_ids,
}
