"""The whole corpus in several orders of arrival: what is told does not depend on it, but for states that nobody saw in time."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from oppulence.kernel import clock
from oppulence.kernel.events import Envelope
from oppulence.sync import events, facts, mirror, stripe_events, subscription_facts
from tests.support import stripe
from tests.support.world import World

BATCH = 40
STATES = ("sync.customer.", "sync.subscription.", "sync.discount.")
NOT_FACTS = ("sync.event.stored", "sync.object.in_doubt")
SEEN_LATE = {"object_version", "provider_event_id", "amount_remaining_minor"}
"""Fields that come from the state that showed the fact, which may be a later one."""

Bodies = Sequence[bytes]
ORDERS: dict[str, Callable[[Bodies], Bodies]] = {
    "reversed": lambda bodies: bodies[::-1],
    "doubled": lambda bodies: [body for body in bodies for _ in range(2)],
    "shuffled": lambda bodies: random.Random(20260527).sample(bodies, len(bodies)),
    "shuffled otherwise": lambda bodies: random.Random(7).sample(bodies, len(bodies)),
}


def tell(world: World, bodies: Bodies) -> list[Envelope]:
    """What the engine tells of events that come in this order, to a workspace of their own."""
    workspace_id = world.workspace()
    for start in range(0, len(bodies), BATCH):
        batch = [
            mirror.Delivery(stripe_events.read(body), body, "conn_00000000000000000000", clock.real_now())
            for body in bodies[start : start + BATCH]
        ]
        world.within("sync", lambda uow, batch=batch: mirror.apply(uow, batch), workspace_id)
    return [one for one in world.envelopes(workspace_id=workspace_id) if one.type not in NOT_FACTS]


def money(told: list[Envelope]) -> Counter[str]:
    """Facts about money, with all that consumers build on."""
    return Counter(
        repr((one.type, sorted((name, str(value)) for name, value in one.data.items() if name not in SEEN_LATE)))
        for one in told
        if not one.type.startswith(STATES)
    )


def last_states(told: list[Envelope]) -> dict[tuple[str, str], dict[str, Any]]:
    """What a read model that drops lower versions ends as."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for one in told:
        key = (one.type.rpartition(".")[0], f"{one.data['account']} {one.data['object_id']}")
        if one.type.startswith(STATES) and one.data["object_version"] >= newest.get(key, {"object_version": 0})["object_version"]:
            newest[key] = one.data
    return {key: {name: value for name, value in data.items() if name not in SEEN_LATE} for key, data in newest.items()}


def turns(told: list[Envelope]) -> Counter[tuple[str, str]]:
    """How often each turn was told of each object, but for the beginning of one whose removal may have been seen first.

    A pause and its resumption take each other back.
    """
    removed = {one.data["object_id"] for one in told if one.type.endswith(".deleted")}
    counts: Counter[tuple[str, str]] = Counter()
    for one in told:
        kind = one.type.rpartition(".")[2]
        if one.type.startswith(STATES) and kind != "updated" and not (kind == "created" and one.data["object_id"] in removed):
            counts[one.type.replace("resumed", "paused"), one.data["object_id"]] += -1 if kind == "resumed" else 1
    return counts


@pytest.fixture(scope="module")
def as_they_happened() -> list[list[Envelope]]:
    """Filled by the first test that needs it: the world is one test's."""
    return []


@pytest.mark.parametrize("order", ORDERS)
def test_the_same_is_told_in_any_order(world: World, as_they_happened: list[list[Envelope]], order: str) -> None:
    if not as_they_happened:
        as_they_happened.append(tell(world, stripe.corpus()))
    usual, told = as_they_happened[0], tell(world, ORDERS[order](stripe.corpus()))
    assert money(told) == money(usual)
    assert last_states(told) == last_states(usual)
    assert +turns(told) == +turns(usual)


def test_the_last_state_told_is_what_the_objects_ended_as(world: World) -> None:
    told = last_states(tell(world, ORDERS["shuffled"](stripe.corpus())))
    found = {key[1].partition(" ")[2]: data for key, data in told.items() if key[0] == "sync.subscription"}
    ended = {one["id"]: one["object"] for one in stripe.final_objects() if one["object_type"] == "subscription"}
    assert found.keys() == ended.keys()
    for subscription_id, shown in ended.items():
        common = {"object_id": subscription_id, "account": None, "object_version": 1, "provider_event_id": ""}
        fact = events.SubscriptionUpdated(**common, **subscription_facts.subscription(shown))
        assert found[subscription_id] == {
            k: v for k, v in fact.model_dump(mode="json").items() if k not in SEEN_LATE | {"account"}
        } | {"account": found[subscription_id]["account"]}


def test_names_of_facts_have_no_spaces() -> None:
    read = [stripe_events.read(body) for body in stripe.corpus()]
    names = {told.name for event in read for told in [*facts.facts_of(event), *facts.states_of(event, [])]}
    assert not any(" " in name for name in names)  # they are stored in one text, with spaces between
