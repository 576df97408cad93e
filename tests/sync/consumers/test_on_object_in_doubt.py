"""What events leave open is asked of Stripe: answers, absences, failures, and keys that no longer work."""

import json
from typing import Any

import pytest

from infra.local.stripe.fake import FakeStripe
from oppulence.kernel.events import Envelope
from oppulence.sync.events import ObjectInDoubt
from tests.support import cloud, entries, stripe
from tests.support.world import World
from tests.sync.support import connect, replay_all

CONSUMER = "sync.consumers.on_object_in_doubt"
CONNECTION = "conn_0000000000000doubt"


@pytest.fixture
def customer(world: World, fake_stripe: FakeStripe) -> dict[str, Any]:
    """A customer at Stripe, as its first event shows it; the workspace has a key."""
    connect(world, CONNECTION, fake_stripe.key)
    made: dict[str, Any] = fake_stripe.client().v1.customers.create({"name": "Right"}).to_dict()
    return made


def told(customer: dict[str, Any], name: str, second: int = 0, **fields: Any) -> bytes:
    """An update that says nothing of what was before."""
    document = {
        "id": f"evt_{name}_{second}", "object": "event", "type": "customer.updated", "created": customer["created"] + second,
        "livemode": False, "data": {"object": customer | {"name": name}},
    }  # fmt: skip
    return json.dumps(document | fields).encode()


def thin(customer: dict[str, Any], **fields: Any) -> bytes:
    """An event of API v2, which shows no object."""
    related = {"id": customer["id"], "type": "customer", "url": f"/v1/customers/{customer['id']}"}
    document = {
        "id": "evt_thin", "object": "v2.core.event", "type": "v1.customer.updated", "created": "2026-01-02T03:04:05.678Z",
        "livemode": False, "related_object": related, "reason": {"type": "request", "request": {"id": "req_thin"}},
    }  # fmt: skip
    return json.dumps(document | fields).encode()


def doubts(world: World) -> list[Envelope]:
    return [one for one in world.envelopes() if one.type == ObjectInDoubt.type]


def take_in(world: World, *bodies: bytes) -> list[Envelope]:
    """Deliver webhooks one by one; returns what was said to be in doubt."""
    for body in bodies:
        webhook = stripe.webhook(world.workspace_id, body, CONNECTION)
        assert world.deliver("sync.consumers.on_webhook_received", webhook) == []
    return doubts(world)


def rows(world: World) -> list[tuple[Any, ...]]:
    query = "SELECT data->>'name', deleted, version FROM sync.objects WHERE workspace_id = %s"
    return world.admin.execute(query, (world.workspace_id,)).fetchall()


def test_of_two_states_of_one_second_the_one_at_stripe_is_taken(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, told(customer, "Right"), told(customer, "Wrong"))
    assert (doubt.data["reason"], doubt.data["path"]) == ("same_second", f"/v1/customers/{customer['id']}")
    assert [name for name, _, _ in rows(world)] == ["Wrong"]
    assert world.deliver(CONSUMER, doubt) == []
    assert rows(world) == [("Right", False, 3)]


def test_an_answer_of_the_same_second_is_later_than_what_had_come_in_and_in_doubt_with_what_had_not(
    world: World, customer: dict[str, Any]
) -> None:
    (doubt,) = take_in(world, told(customer, "A"), told(customer, "B"))
    world.deliver(CONSUMER, doubt)
    world.admin.execute("UPDATE sync.objects SET event_created_at = to_timestamp(%s)", (customer["created"],))
    replay_all(world)
    assert (rows(world)[0][0], doubts(world)) == ("Right", [])
    (again,) = take_in(world, told(customer, "C"))
    assert rows(world)[0][0] == "C"
    world.deliver(CONSUMER, again)
    assert rows(world)[0][0] == "Right"


def test_what_a_later_event_has_settled_is_not_asked_for(world: World, customer: dict[str, Any], fake_stripe: FakeStripe) -> None:
    (doubt,) = take_in(world, told(customer, "A"), told(customer, "B"))
    assert take_in(world, told(customer, "Later", 1)) == []
    fake_stripe.fail_next(status=500)
    assert world.deliver(CONSUMER, doubt) == []
    assert rows(world)[0][0] == "Later"


def test_states_that_are_the_same_leave_no_doubt(world: World, customer: dict[str, Any]) -> None:
    assert take_in(world, told(customer, "A"), told(customer, "A", id="evt_other")) == []


def test_without_a_key_what_came_last_stands(world: World, customer: dict[str, Any]) -> None:
    world.admin.execute("UPDATE connections.connections SET api_key = NULL WHERE id = %s", (CONNECTION,))
    assert take_in(world, told(customer, "A"), told(customer, "B"), thin(customer)) == []
    assert rows(world)[0][0] == "B"


def test_a_thin_event_is_kept_and_its_object_fetched(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, thin(customer))
    row = world.admin.execute(
        "SELECT status, object_type, object_id, request_id, created_at FROM sync.raw_events WHERE workspace_id = %s",
        (world.workspace_id,),
    ).fetchone()
    assert row is not None and row[:4] == ("kept", "customer", customer["id"], "req_thin")
    assert (row[4].timestamp(), doubt.data["reason"], rows(world)) == (1767323045.0, "thin_event", [])
    assert world.deliver(CONSUMER, doubt) == []
    assert rows(world) == [("Right", False, 1)]


def test_a_thin_event_about_nothing_is_only_kept(world: World, customer: dict[str, Any]) -> None:
    assert take_in(world, thin(customer, related_object=None)) == []
    assert (world.count("sync.raw_events"), rows(world)) == (1, [])


def test_a_thin_event_of_a_connected_account_is_asked_for_there(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, thin(customer, context="org_1/acct_2"))
    assert doubt.data["account"] == "acct_2"


def test_what_stripe_has_no_more_is_removed_and_stays_so(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, told(customer, "A", id="evt_1"), told(customer, "B", id="evt_2"))
    path = "/v1/customers/cus_that_never_was"
    assert world.deliver(CONSUMER, doubt.model_copy(update={"data": doubt.data | {"path": path}})) == []
    assert [(name, deleted) for name, deleted, _ in rows(world)] == [("B", True)]
    take_in(world, told(customer, "Late", 100))
    assert (
        world.deliver(CONSUMER, doubt.model_copy(update={"id": "ev_again", "data": doubt.data | {"reason": "thin_event"}})) == []
    )
    assert [(name, deleted) for name, deleted, _ in rows(world)] == [("B", True)]


@pytest.mark.parametrize("how", [{"status": 500}, {"status": 429, "retry_after_s": 1}, {"disconnect": True}])
def test_a_failing_stripe_is_asked_again_and_no_other_object_waits(
    world: World, customer: dict[str, Any], fake_stripe: FakeStripe, how: dict[str, Any]
) -> None:
    (doubt,) = take_in(world, thin(customer))
    fake_stripe.fail_next(2 if "disconnect" in how else 1, path=f"/v1/customers/{customer['id']}", **how)
    assert len(world.deliver(CONSUMER, doubt)) == 1
    assert rows(world) == []
    assert world.deliver(CONSUMER, doubt) == []
    assert rows(world) == [("Right", False, 1)]


def test_an_object_that_stripe_never_shows_ends_in_the_dead_letters(
    world: World, customer: dict[str, Any], fake_stripe: FakeStripe
) -> None:
    (doubt,) = take_in(world, thin(customer))
    cloud.dead_letters()
    fake_stripe.fail_next(100, status=500)
    batch = entries.queue_batch(doubt)
    for _ in range(8):
        entries.entry(CONSUMER)(batch, None)
    assert [customer["id"] in one["MessageAttributes"]["reason"]["StringValue"] for one in cloud.dead_letters()] == [True]


def test_a_path_that_leads_elsewhere_is_not_followed(world: World, customer: dict[str, Any]) -> None:
    related = {"id": "x", "type": "customer", "url": "https://example.com/v1/customers/x"}
    (doubt,) = take_in(world, thin(customer, related_object=related))
    cloud.dead_letters()
    assert world.deliver(CONSUMER, doubt) == []
    assert len(cloud.dead_letters()) == 1


def test_a_key_that_stopped_working_is_said_to_have(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, thin(customer))
    connect(world, CONNECTION, "sk_test_" + "0" * 24)
    assert world.deliver(CONSUMER, doubt) == []
    row = world.admin.execute("SELECT status FROM connections.connections WHERE id = %s", (CONNECTION,)).fetchone()
    assert row == ("needs_reauth",)
    assert take_in(world, thin(customer, id="evt_next")) == []


def test_a_connection_that_is_gone_has_nobody_to_ask(world: World, customer: dict[str, Any]) -> None:
    (doubt,) = take_in(world, thin(customer))
    world.admin.execute("DELETE FROM connections.connections WHERE id = %s", (CONNECTION,))
    assert world.deliver(CONSUMER, doubt) == []
    assert rows(world) == []
