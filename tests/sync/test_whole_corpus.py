"""Whatever the order, grouping and repetition of webhooks, the mirror ends at Stripe's state: not one object wrong."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from infra.local.stripe.fake import KEY, FakeStripe
from oppulence.sync.events import ObjectInDoubt
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.world import World
from tests.sync.support import connect

WEBHOOKS, DOUBTS = "sync.consumers.on_webhook_received", "sync.consumers.on_object_in_doubt"
CONNECTION = "conn_0000000000000corpus"
Objects = dict[tuple[str, str, str], dict[str, Any]]


def deliver(world: World, workspace_id: str, bodies: Sequence[bytes]) -> None:
    webhooks = [stripe.webhook(workspace_id, body, CONNECTION) for body in bodies]
    assert world.deliver(WEBHOOKS, *webhooks, workspace_id=workspace_id) == []


def settle(world: World, workspace_id: str) -> int:
    """Let Stripe be asked about all that is in doubt; returns how often something was said to be."""
    doubts = [
        ObjectInDoubt.model_validate(one.data) for one in world.envelopes(workspace_id=workspace_id) if "in_doubt" in one.type
    ]
    for one in doubts:
        assert world.deliver(DOUBTS, one, workspace_id=workspace_id) == []
    return len(doubts)


def mirrored(world: World, workspace_id: str) -> Objects:
    rows = world.admin.execute(
        "SELECT account, type, id, data, deleted FROM sync.objects WHERE workspace_id = %s AND version > 0", (workspace_id,)
    )
    return {(a, t, i): {"deleted": True, "id": i, "object": t} if gone else data for a, t, i, data, gone in rows}


def expected() -> Objects:
    """The corpus's final objects, of those that events told of."""
    told = {one.key for body in stripe.corpus() if (one := read(body)).has_object}
    final = {(o.get("account", ""), o["object_type"], o["id"]): o["object"] for o in stripe.final_objects()}
    return {key: value for key, value in final.items() if key in told}


def wrong(found: Objects) -> list[tuple[str, str, str]]:
    silent = stripe.manifest()["silent_fields"]

    def loud(shown: dict[str, Any] | None, kind: str) -> dict[str, Any] | None:
        return shown and {name: value for name, value in shown.items() if name not in silent.get(kind, [])}

    heard = [(key, want) for key, want in expected().items() if "*" not in silent.get(key[1], [])]
    return [key for key, want in heard if loud(found.get(key), key[1]) != loud(want, key[1])]


def removed() -> set[tuple[str, str, str]]:
    return {one.key for body in stripe.corpus() if (one := read(body)).removes}


def in_order(order: str, rng: random.Random) -> list[bytes]:
    bodies = list(stripe.corpus())
    if order == "reversed":
        bodies.reverse()
    if order in ("shuffled", "doubled"):
        bodies = bodies * 2 if order == "doubled" else bodies
        rng.shuffle(bodies)
    return bodies


def mute(body: bytes) -> bytes:
    """The event as if Stripe did not say what was before."""
    document = json.loads(body)
    document["data"].pop("previous_attributes", None)
    return json.dumps(document).encode()


def batches(bodies: list[bytes], rng: random.Random) -> list[list[bytes]]:
    """Cut anywhere, into one to forty."""
    cut, start = [], 0
    while start < len(bodies):
        size = rng.randint(1, 40)
        cut.append(bodies[start : start + size])
        start += size
    return cut


def ends_right(world: World, workspace_id: str) -> None:
    assert world.count("sync.raw_events", workspace_id) == len(stripe.corpus())
    found = mirrored(world, workspace_id)
    assert wrong(found) == []
    assert {key for key, shown in found.items() if shown.get("deleted")} >= removed()
    assert not [key for key in found if key[2].startswith("upcoming_in_")]


@pytest.mark.slow
@pytest.mark.parametrize("order", ["given", "reversed", "shuffled"])
def test_any_order_and_grouping_ends_at_stripes_state_and_stripe_need_not_be_asked(world: World, order: str) -> None:
    rng = random.Random(order)
    connect(world, CONNECTION, KEY)
    for batch in batches(in_order(order, rng), rng):
        deliver(world, world.workspace_id, batch)
    ends_right(world, world.workspace_id)
    assert "sync.object.in_doubt.v1" not in world.emitted()


@pytest.mark.slow
@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_where_events_do_not_say_what_was_before_stripe_is_asked(world: World, fake_stripe: FakeStripe, order: str) -> None:
    fake_stripe.do("corpus")
    rng, doubts = random.Random(order), 0
    connect(world, CONNECTION, KEY)
    for batch in batches([mute(body) for body in in_order(order, rng)], rng):
        deliver(world, world.workspace_id, batch)
        doubts += settle(world, world.workspace_id)
    ends_right(world, world.workspace_id)
    assert 0 < doubts < len(stripe.corpus()) / 10


@pytest.mark.slow
def test_two_workspaces_with_the_same_ids_do_not_touch_each_other(world: World) -> None:
    rng, ids = random.Random(5), [world.workspace_id, world.workspace()]
    queue = [(one, batch) for one in ids for batch in batches(in_order("doubled", rng), rng)]
    rng.shuffle(queue)
    for workspace_id, batch in queue:
        deliver(world, workspace_id, batch)
    for workspace_id in ids:
        ends_right(world, workspace_id)
    query = "SELECT DISTINCT deliveries FROM sync.raw_events WHERE workspace_id = ANY (%s)"
    assert world.admin.execute(query, (ids,)).fetchall() == [(2,)]
