"""Objects that were listed or fetched: ordered by the time of asking, told once, never brought back from the dead."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oppulence.sync import raw_store
from oppulence.sync.observing import Observed, observe
from oppulence.sync.stripe_events import StripeEvent, read
from tests.support import stripe
from tests.support.world import World
from tests.sync.support import connect

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


def test_an_answer_of_the_second_of_an_event_is_in_doubt_unless_it_says_the_same(world: World) -> None:
    connect(world, "conn_1", "sk_test_000000000000000000000000")
    stripe.mirror(world, [CUSTOMER])
    world.emitted()
    assert see(world, observed(read(CUSTOMER), 0)) == 0
    assert world.emitted() == []
    assert see(world, observed(read(CUSTOMER), 0, name="other")) == 0
    (doubt,) = world.envelopes()
    assert (doubt.type, doubt.data["reason"]) == ("sync.object.in_doubt", "listed")


def test_an_answer_asked_for_after_the_state_had_come_in_is_later_whatever_the_clocks_say(world: World) -> None:
    stripe.mirror(world, [CUSTOMER])
    asked_after = world.within("sync", lambda uow: raw_store.last_arrival(uow.conn))
    seen = replace(observed(read(CUSTOMER), -3_600, name="right"), asked_after=asked_after)
    assert see(world, seen) == 1
    assert [data["name"] for data, _, _ in rows(world)] == ["right"]
    assert see(world, replace(seen, object=seen.object | {"name": "before"}, asked_after=asked_after - 1)) == 0


@pytest.mark.parametrize("before", ["listed", "something else"])
def test_an_event_of_the_second_of_an_answer_follows_it_for_sure_if_it_says_so(world: World, before: str) -> None:
    connect(world, "conn_00000000000000000000", "sk_test_000000000000000000000000")
    see(world, observed(read(CUSTOMER), 0, name="listed"))
    world.emitted()
    document = json.loads(CUSTOMER) | {"id": "evt_same", "type": "customer.updated"}
    document["data"] = {"object": document["data"]["object"] | {"name": "later"}, "previous_attributes": {"name": before}}
    stripe.mirror(world, [json.dumps(document).encode()])
    assert [data["name"] for data, _, _ in rows(world)] == ["later"]
    assert ("sync.object.in_doubt.v1" in world.emitted()) == (before != "listed")


def test_a_removal_keeps_the_last_state(world: World) -> None:
    stripe.mirror(world, [CUSTOMER])
    see(
        world,
        replace(observed(read(CUSTOMER), 60), object={"id": read(CUSTOMER).object_id}, deleted=True, object_type="customer"),
    )
    assert [(data["name"], deleted, version) for data, deleted, version in rows(world)] == [
        (read(CUSTOMER).object["name"], True, 2)
    ]
