"""Objects that were listed or fetched: ordered by the time of asking, told once, never brought back from the dead."""

import json
from datetime import timedelta
from typing import Any

from oppulence.sync.observing import Observed, observe
from oppulence.sync.stripe_events import StripeEvent, read
from tests.support import stripe
from tests.support.world import World

PAID = next(body for body in stripe.corpus() if read(body).type == "invoice.paid")
CUSTOMER = next(body for body in stripe.corpus() if read(body).type == "customer.created")


def observed(event: StripeEvent, later_s: int, **fields: Any) -> Observed:
    """What a listing shows, asked for some seconds after an event."""
    return Observed(event.account, event.object | fields, event.created_at + timedelta(seconds=later_s))


def see(world: World, *seen: Observed) -> int:
    changed: int = world.within("sync", lambda uow: observe(uow, seen, "conn_1"))
    return changed


def rows(world: World) -> list[tuple[Any, ...]]:
    query = "SELECT data, deleted, version FROM sync.objects WHERE workspace_id = %s"
    return world.admin.execute(query, (world.workspace_id,)).fetchall()


def test_an_object_never_seen_is_mirrored_and_its_facts_told_with_their_own_moments(world: World) -> None:
    paid = read(PAID)
    assert see(world, observed(paid, 90_000)) == 1
    assert rows(world) == [(paid.object, False, 1)]
    told = {one.type: one for one in world.envelopes()}
    assert {"sync.invoice.finalized", "sync.invoice.paid"} <= told.keys()
    assert told["sync.invoice.paid"].occurred_at.timestamp() == paid.object["status_transitions"]["paid_at"]


def test_what_the_mirror_shows_already_changes_nothing_and_tells_nothing(world: World) -> None:
    stripe.mirror(world, [PAID])
    world.emitted()
    assert see(world, observed(read(PAID), 60)) == 0
    assert (rows(world), world.emitted()) == ([(read(PAID).object, False, 1)], [])


def test_an_answer_asked_for_later_than_the_state_wins_and_an_earlier_one_does_not(world: World) -> None:
    stripe.mirror(world, [CUSTOMER])
    customer = read(CUSTOMER)
    assert see(world, observed(customer, 10, name="later")) == 1
    assert see(world, observed(customer, 5, name="earlier")) == 0
    assert [(data["name"], version) for data, _, version in rows(world)] == [("later", 2)]


def test_an_event_before_the_asking_is_overtaken_by_the_answer(world: World) -> None:
    customer = read(CUSTOMER)
    see(world, observed(customer, 10, name="listed"))
    document = json.loads(CUSTOMER)
    document |= {"id": "evt_between", "type": "customer.updated", "created": document["created"] + 5}
    stripe.mirror(world, [json.dumps(document).encode()])
    assert [data["name"] for data, _, _ in rows(world)] == ["listed"]


def test_a_removed_object_is_not_brought_back(world: World) -> None:
    customer = read(CUSTOMER)
    see(world, Observed(customer.account, {"id": customer.object_id, "object": "customer", "deleted": True}, customer.created_at))
    assert see(world, observed(customer, 1_000)) == 0
    assert [deleted for _, deleted, _ in rows(world)] == [True]
    assert world.emitted() == ["sync.customer.deleted.v1", "sync.object.observed.v1"]
