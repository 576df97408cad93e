"""Stripe's search language: `status:'active' AND metadata['crm']:'42' AND created>1700000000`, over all objects of a type."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from infra.local.stripe.errors import StripeError, invalid
from infra.local.stripe.listing import Page, limit_of
from infra.local.stripe.shelves import Shelf

Obj = dict[str, Any]
FIELDS = {
    "charge": {
        "amount",
        "created",
        "currency",
        "customer",
        "disputed",
        "refunded",
        "status",
        "payment_method_details.card.last4",
    },
    "customer": {"created", "email", "name", "phone"},
    "invoice": {"created", "currency", "customer", "number", "receipt_number", "status", "subscription", "total"},
    "payment_intent": {"amount", "created", "currency", "customer", "status"},
    "price": {"active", "created", "currency", "lookup_key", "product", "type"},
    "product": {"active", "created", "description", "name", "shippable", "url"},
    "subscription": {"created", "status", "canceled_at"},
}
"""What Stripe can search each type by, besides `metadata`."""

_CLAUSE = re.compile(
    r"\s*(?P<not>-)?(?P<field>[a-z_.0-9]+)(?:\[(?P<q>['\"])(?P<key>.*?)(?P=q)\])?\s*(?P<op>:|~|>=|<=|>|<|=)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[\w.+-]+)\s*"
)
_JOIN = re.compile(r"(AND|OR|and|or)\b")
Test = Callable[[Obj], bool]


def search(shelf: Shelf, params: dict[str, Any], url: str) -> Page:
    """A page of what a query finds, newest first.

    Raises:
        StripeError: no query, or one that cannot be read.
    """
    test = parse(shelf.kind, params["query"])
    limit = limit_of(params)
    skip = _offset(params.get("page"))
    found: list[bytes] = []
    for key in reversed(shelf.order):
        row = shelf.rows[key[2]]
        if "deleted" not in row.facts and test(json.loads(row.body)):
            found.append(row.body)
            if len(found) > skip + limit:
                break
    has_more = len(found) > skip + limit
    following = base64.urlsafe_b64encode(str(skip + limit).encode()).decode() if has_more else None
    return Page(found[skip : skip + limit], has_more, url, "search_result", following)


def parse(kind: str, query: str) -> Test:
    """The test that a query stands for; AND and OR cannot be mixed, at Stripe as here."""
    tests, joins, at = [], set(), 0
    while True:
        clause = _CLAUSE.match(query, at)
        if clause is None:
            raise _unreadable(query)
        tests.append(_test(kind, clause))
        at = clause.end()
        if at == len(query):
            break
        join = _JOIN.match(query, at)
        if join is None:
            raise _unreadable(query)
        joins.add(join[1].upper())
        at = join.end()
    if len(joins) > 1:
        raise invalid("Search queries cannot mix AND and OR.", "query")
    every = all if joins != {"OR"} else any
    return lambda one: every(test(one) for test in tests)


def _test(kind: str, clause: re.Match[str]) -> Test:
    name, key, op = clause["field"], clause["key"], clause["op"]
    if name != "metadata" and name not in FIELDS[kind]:
        raise invalid(f"Field `{name}` is an unsupported search field for resource `{kind}s`.", "query")
    text = clause["value"]
    wanted = re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "'\"" else text

    def test(one: Obj) -> bool:
        found = _value(one, name, key)
        return _holds(op, found, wanted) != bool(clause["not"])

    return test


def _value(one: Obj, name: str, key: str | None) -> Any:
    if name == "metadata":
        return (one.get("metadata") or {}).get(key)
    if name == "subscription" and one["object"] == "invoice":
        return ((one["parent"] or {}).get("subscription_details") or {}).get("subscription")
    found: Any = one
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _holds(op: str, found: Any, wanted: str) -> bool:
    if op == ":" and wanted == "null":
        return found is None
    if found is None:
        return False
    if isinstance(found, bool):
        return str(found).lower() == wanted
    if isinstance(found, int) and wanted.lstrip("-").isdigit():
        number = int(wanted)
        return {":": found == number, "=": found == number, ">": found > number, "<": found < number}.get(
            op, found >= number if op == ">=" else found <= number
        )
    text = str(found).lower()
    return wanted.lower() in text if op == "~" else text == wanted.lower()


def _offset(page: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(page)) if page else 0
    except ValueError:
        raise invalid("Invalid page token.", "page") from None


def _unreadable(query: str) -> StripeError:
    return invalid(f'We were unable to parse your search query. Try using the format `metadata["key"]:"value"`: {query}', "query")
