"""Provider customers become links: matched by link, then by key, never by e-mail."""

import json
import random

from oppulence.sync.events import CustomerFact
from oppulence.sync.stripe_events import read as read_event
from tests.customers.support import fact, find, make, read, tell
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World


def links(world: World) -> dict[str, str]:
    """Ours by the provider's id."""
    rows = world.admin.execute(
        "SELECT provider_customer_id, customer_id FROM customers.links WHERE workspace_id = %s", (world.workspace_id,)
    )
    return {str(theirs): str(ours) for theirs, ours in rows}


def test_one_that_matches_nothing_makes_a_bare_customer(api: Api, world: World) -> None:
    tell(world, fact("created", "cus_1"))
    (made,) = api.as_key().get("/v1/customers").body["data"]
    assert (made["key"], made["name"], made["emails"], made["version"]) == (None, None, [], 1)
    assert links(world) == {"cus_1": made["id"]} and world.emitted() == ["customers.customer.created.v1"]


def test_one_with_a_key_makes_the_customer_with_that_key(api: Api, world: World) -> None:
    tell(world, fact("created", "cus_1", key="k-1"))
    (made,) = api.as_key().get("/v1/customers").body["data"]
    assert made["key"] == "k-1" and find(api, "k-") == [made["id"]]
    assert api.as_key().put("/v1/customers/by_key/k-1", {"name": "A"}).body["id"] == made["id"]


def test_one_with_the_key_of_a_customer_is_linked_to_it(api: Api, world: World) -> None:
    made = make(api, key="k-1", name="A")
    world.emitted()
    tell(world, fact("created", "cus_1", key="k-1"), fact("created", "cus_2", key="k-1", account="acct_1"))
    assert links(world) == {"cus_1": made["id"], "cus_2": made["id"]} and read(api, made["id"])["version"] == 2
    (envelope,) = world.envelopes()
    assert envelope.type == "customers.customer.updated" and envelope.data["changed"] == ["links"]


def test_an_e_mail_address_matches_nothing(api: Api, world: World) -> None:
    made = make(api, key="jane@example.com", emails=["jane@example.com"])
    bodies = [json.loads(body) for body in stripe.corpus() if read_event(body).type == "customer.created"][:1]
    bodies[0]["data"]["object"] |= {"email": "jane@example.com", "metadata": {"customer_key": "jane@example.com"}}
    stripe.mirror(world, [json.dumps(bodies[0]).encode()])
    told = [one for one in world.envelopes() if one.type == "sync.customer.created"]
    assert [one.data["key"] for one in told] == [None] and "jane" not in told[0].model_dump_json()
    assert world.deliver("customers.consumers.on_customer_created", *told) == []
    assert made["id"] not in links(world).values() and world.count("customers.customers") == 2


def test_a_key_that_cannot_be_one_is_none(world: World) -> None:
    tell(world, fact("created", "cus_1", key="two words"), fact("created", "cus_2", key="cust_00000000000000000000"))
    assert world.admin.execute(
        "SELECT key FROM customers.customers WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchall() == [(None,), (None,)]


def test_a_link_is_stronger_than_a_key(api: Api, world: World) -> None:
    first, second = make(api, key="a"), make(api, key="b")
    tell(world, fact("created", "cus_1", key="a"))
    tell(world, fact("created", "cus_1", version=2, key="b"))
    assert links(world) == {"cus_1": first["id"]} and read(api, second["id"])["links"] == []


def test_repeats_change_nothing(world: World) -> None:
    facts = [fact("created", "cus_1", key="k"), fact("created", "cus_2"), fact("updated", "cus_2", version=2)]
    tell(world, *facts)
    world.emitted()
    tell(world, *facts, *facts)
    assert (world.emitted(), world.count("customers.customers"), world.count("customers.links")) == ([], 2, 2)


def test_any_order_of_the_mirrors_facts_ends_in_the_same_links(world: World) -> None:
    facts: list[CustomerFact] = []
    for number in range(12):
        key = f"k{number % 3}" if number % 2 else None
        facts += [fact("created", f"cus_{number}", key=key), fact("updated", f"cus_{number}", version=2, key=f"k{number % 3}")]
    random.Random(5).shuffle(facts)
    for one in facts:
        tell(world, one)
    found = links(world)
    assert len(found) == 12 and len(set(found.values())) == 3
    assert all(found[f"cus_{number}"] == found[f"cus_{number % 3}"] for number in range(12))


def test_the_corpus_makes_one_customer_each(world: World) -> None:
    bodies = [body for body in stripe.corpus() if read_event(body).object_type == "customer"]
    random.Random(1).shuffle(bodies)
    for start in range(0, len(bodies), 100):
        stripe.mirror(world, bodies[start : start + 100])
    told = [one for one in world.envelopes() if one.type.startswith("sync.customer.")]
    for kind in ("updated", "deleted", "created"):
        mine = [one for one in told if one.type == f"sync.customer.{kind}"]
        for start in range(0, len(mine), 10):
            assert world.deliver(f"customers.consumers.on_customer_{kind}", *mine[start : start + 10]) == []
    known = {read_event(body).object_id for body in bodies}
    assert links(world).keys() == known and world.count("customers.customers") == len(known)
    assert not any("example.com" in one.model_dump_json() for one in told)


def test_another_workspaces_keys_and_links_do_not_match(api: Api, world: World) -> None:
    made = make(api, key="k")
    other = world.workspace()
    assert world.deliver("customers.consumers.on_customer_created", fact("created", "cus_1", key="k"), workspace_id=other) == []
    assert read(api, made["id"])["links"] == [] and world.count("customers.customers", other) == 1
