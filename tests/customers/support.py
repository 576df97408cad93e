"""Customers made through the API, and facts about provider customers."""

from datetime import UTC, datetime
from typing import Any

from oppulence.kernel.ids import random_text
from oppulence.sync.events import CustomerCreated, CustomerDeleted, CustomerFact, CustomerUpdated
from tests.support.api import Api
from tests.support.world import World

JANE: dict[str, Any] = {
    "name": "Jane O'Neil-Díaz", "emails": ["Jane.Oneil@Example.com"], "phone": "+43 1 234567", "locale": "de-AT",
    "time_zone": "Europe/Vienna", "currency": "EUR", "metadata": {"note": "met at the fair"},
    "address": {"line1": "Ring 1", "city": "Wien", "postal_code": "1010", "country": "AT"},
    "tax_ids": [{"type": "eu_vat", "value": "ATU12345678"}],
}  # fmt: skip
PERSONAL = ("Jane", "jane", "neil", "example.com", "234567", "Ring 1", "ATU12345678", "fair", "Vienna", "de-AT")
"""Parts of Jane's data, no trace of which may stay."""

_FACTS: dict[str, type[CustomerFact]] = {"created": CustomerCreated, "updated": CustomerUpdated, "deleted": CustomerDeleted}


def make(api: Api, **fields: Any) -> dict[str, Any]:
    """A new customer."""
    answer = api.as_key().post("/v1/customers", fields)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def read(api: Api, customer_id: str) -> dict[str, Any]:
    """A customer as it is now."""
    body: dict[str, Any] = api.as_key().get(f"/v1/customers/{customer_id}").body
    return body


def give(api: Api, customer_id: str, subject: str, **fields: Any) -> dict[str, Any]:
    """Give a customer a subject."""
    answer = api.as_key().post(f"/v1/customers/{customer_id}/subjects", {"subject": subject, **fields})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def periods(api: Api, customer_id: str, **query: Any) -> list[tuple[str, str | None, str | None]]:
    """(subject, from, until) of a customer's subjects."""
    rows = api.as_key().get(f"/v1/customers/{customer_id}/subjects", **query).body["data"]
    return [(row["subject"], row["valid_from"], row["valid_until"]) for row in rows]


def find(api: Api, query: str, **more: Any) -> list[str]:
    """Ids that a search finds."""
    return [row["id"] for row in api.as_key().get("/v1/customers", query=query, **more).body["data"]]


def fact(kind: str, object_id: str, version: int = 1, key: str | None = None, account: str | None = None) -> CustomerFact:
    """What the mirror tells of a provider's customer."""
    return _FACTS[kind](
        object_id=object_id, account=account, object_version=version, provider_event_id=f"evt_{random_text(12)}", key=key
    )


def tell(world: World, *facts: CustomerFact) -> None:
    """Deliver facts, each kind to its consumer."""
    for kind, event in _FACTS.items():
        mine = [one for one in facts if isinstance(one, event)]
        if mine:
            assert world.deliver(f"customers.consumers.on_customer_{kind}", *mine) == []


def day(number: int) -> str:
    """Noon of a day of January 2026."""
    return datetime(2026, 1, number, 12, tzinfo=UTC).isoformat().replace("+00:00", "Z")


def audited(world: World, action: str) -> int:
    """How many entries of an action the audit log has."""
    query = "SELECT count(*) FROM tenancy.audit_log WHERE workspace_id = %s AND action = %s"
    row = world.admin.execute(query.encode(), (world.workspace_id, action)).fetchone()
    assert row is not None
    return int(row[0])
