"""Facts about provider customers: each later state once, ids only, and never again by a replay."""

import json
from collections import Counter
from typing import Any

import pytest

from oppulence.kernel.events import Envelope
from oppulence.sync.stripe_events import read
from tests.support import stripe
from tests.support.world import World
from tests.sync.support import replay_all

CREATED = next(json.loads(body) for body in stripe.corpus() if read(body).type == "customer.created")


def shown(kind: str, second: int, **fields: Any) -> bytes:
    """An event of one customer, `second` seconds after it was made."""
    document = json.loads(json.dumps(CREATED))
    document |= {"id": f"evt_{kind}_{second}", "type": f"customer.{kind}", "created": CREATED["created"] + second}
    document["data"]["object"] |= fields
    return json.dumps(document).encode()


def told(world: World) -> list[Envelope]:
    return [one for one in world.envelopes() if one.type.startswith("sync.customer.")]


def kinds(envelopes: list[Envelope]) -> list[tuple[str, int]]:
    return [(one.type.rpartition(".")[2], one.data["object_version"]) for one in envelopes]


def test_each_state_is_told_once(world: World) -> None:
    bodies = [shown("created", 0), shown("updated", 1), shown("updated", 2), shown("deleted", 3)]
    for body in [*bodies, *bodies]:
        stripe.mirror(world, [body])
    assert kinds(told(world)) == [("created", 1), ("updated", 2), ("updated", 3), ("deleted", 4)]


def test_a_batch_is_one_state_with_what_it_ended_as(world: World) -> None:
    stripe.mirror(world, [shown("created", 0), shown("updated", 1, metadata={"customer_key": "k-1"})])
    (only,) = told(world)
    assert kinds([only]) == [("created", 1)] and only.data["key"] == "k-1"


def test_an_overtaken_state_tells_nothing(world: World) -> None:
    for body in [shown("updated", 5), shown("created", 0), shown("updated", 3)]:
        stripe.mirror(world, [body])
    assert kinds(told(world)) == [("created", 1)]


def test_a_removal_that_comes_first_is_all_there_is(world: World) -> None:
    for body in [shown("deleted", 5), shown("created", 0), shown("updated", 9)]:
        stripe.mirror(world, [body])
    assert kinds(told(world)) == [("deleted", 1)]


def test_a_replay_through_earlier_states_tells_nothing_again(world: World) -> None:
    for second in range(4):
        stripe.mirror(world, [shown("updated" if second else "created", second)])
    told(world)
    damage = "UPDATE sync.objects SET data = '{}', event_created_at = 'epoch' WHERE workspace_id = %s"
    world.admin.execute(damage.encode(), (world.workspace_id,))
    for second in range(4):  # as batches that part the events of one customer would
        replay_all(world, [f"evt_{'updated' if second else 'created'}_{second}"])
    assert told(world) == []
    stripe.mirror(world, [shown("updated", 9)])
    assert [kind for kind, _ in kinds(told(world))] == ["updated"]


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        ({"customer_key": "a", "key": "b"}, "a"),
        ({"key": "b"}, "b"),
        ({"customer_key": "jane@example.com"}, None),
        ({"key": ""}, None),
        ({"key": "x" * 256}, None),
        ({"key": 7}, None),
        (None, None),
    ],
)
def test_only_a_key_travels(world: World, metadata: dict[str, Any] | None, key: str | None) -> None:
    stripe.mirror(world, [shown("created", 0, metadata=metadata, email="jane@example.com", name="Jane", phone="+43")])
    (only,) = told(world)
    assert only.data.keys() == {"object_id", "account", "object_version", "provider_event_id", "key"}
    assert only.data["key"] == key and "jane" not in only.model_dump_json().lower()


def test_the_corpus_tells_of_every_customer_and_version_once(world: World) -> None:
    bodies = [body for body in stripe.corpus() if read(body).object_type == "customer"]
    for start in range(0, len(bodies), 7):
        stripe.mirror(world, bodies[start : start + 7])
    found = told(world)
    firsts = Counter(one.data["object_id"] for one in found if one.type == "sync.customer.created")
    assert set(firsts.values()) == {1} and firsts.keys() == {read(body).object_id for body in bodies}
    versions = Counter((one.data["object_id"], one.data["object_version"]) for one in found)
    assert set(versions.values()) == {1}
