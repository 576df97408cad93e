"""Thin events of API v2: they name the object and where to fetch it, for event destinations that ask for them."""

from datetime import UTC, datetime

from infra.local.stripe import ids, routing
from infra.local.stripe.unit import Obj, Unit

EVENT = "v2.core.event"
DESTINATION = "v2.core.event_destination"


def told(unit: Unit, event: Obj) -> tuple[Obj, list[str]] | None:
    """The thin form of an event, added to the unit, and the destinations that want it; None where nobody does."""
    shown = event["data"]["object"]
    path = routing.PLACES.get(str(shown.get("object")))
    wanted = _destinations(unit, f"v1.{event['type']}") if path and shown.get("id") else []
    if not wanted:
        return None
    made: Obj = {
        "id": f"evt_test_61{ids.letters(20)}",
        "object": EVENT,
        "created": instant(event["created"]),
        "livemode": False,
        "related_object": {"id": shown["id"], "type": shown["object"], "url": f"/v1/{path}/{shown['id']}"},
        "type": f"v1.{event['type']}",
    }
    if unit.account:
        made["context"] = unit.account
    if unit.call.id:
        made["reason"] = {"type": "request", "request": {"id": unit.call.id, "idempotency_key": unit.call.key or ""}}
    return unit.add(made), wanted


def _destinations(unit: Unit, kind: str) -> list[str]:
    whose = "@accounts" if unit.account else "@self"
    found = []
    for key in unit.store.shelf("", DESTINATION).order:
        one = Unit(unit.store, unit.time).need(DESTINATION, key[2])
        hears = one["status"] == "enabled" and whose in one["events_from"]
        if hears and {kind, "*"} & set(one["enabled_events"]):
            found.append(str(one["id"]))
    return found


def instant(second: int) -> str:
    """A second as API v2 writes it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
