"""A key that turns up late: the bare customer takes it, or is merged into the customer that has it."""

from tests.customers.support import audited, fact, find, give, make, read, tell
from tests.support.api import Api
from tests.support.world import World


def bare(api: Api, world: World) -> str:
    tell(world, fact("created", "cus_1"))
    (made,) = api.as_key().get("/v1/customers", limit=1).body["data"]
    world.emitted()
    return str(made["id"])


def test_a_customer_without_a_key_takes_it(api: Api, world: World) -> None:
    made = bare(api, world)
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    assert (read(api, made)["key"], find(api, "k-1")) == ("k-1", [made])
    assert world.emitted() == ["customers.customer.updated.v1"]


def test_a_bare_one_is_merged_into_the_customer_that_has_the_key(api: Api, world: World) -> None:
    made = bare(api, world)
    holder = make(api, key="k-1", name="A")["id"]
    world.emitted()
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    assert read(api, made)["merged_into"] == holder
    assert [link["provider_customer_id"] for link in read(api, holder)["links"]] == ["cus_1"]
    assert world.emitted() == ["customers.customer.merged.v1"] and audited(world, "customer.merged") == 1


def test_one_that_somebody_worked_with_is_left_alone(api: Api, world: World) -> None:
    made = bare(api, world)
    api.as_key().patch(f"/v1/customers/{made}", {"name": "Known"})
    holder = make(api, key="k-1")["id"]
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    assert read(api, made)["status"] == "active" and read(api, holder)["links"] == []


def test_one_with_usage_is_left_alone(api: Api, world: World) -> None:
    made = bare(api, world)
    give(api, made, "s")
    make(api, key="k-1")
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    assert read(api, made)["status"] == "active"


def test_a_key_of_its_own_stays(api: Api, world: World) -> None:
    made = bare(api, world)
    api.as_key().patch(f"/v1/customers/{made}", {"key": "own"})
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    assert read(api, made)["key"] == "own"


def test_an_overtaken_state_has_no_effect(api: Api, world: World) -> None:
    made = bare(api, world)
    tell(world, fact("updated", "cus_1", version=3))
    tell(world, fact("updated", "cus_1", version=2, key="old"))
    assert read(api, made)["key"] is None


def test_an_update_that_comes_first_makes_the_link(api: Api, world: World) -> None:
    tell(world, fact("updated", "cus_1", version=2, key="k-1"))
    tell(world, fact("created", "cus_1", version=1))
    (made,) = api.as_key().get("/v1/customers").body["data"]
    assert made["key"] == "k-1" and len(made["links"]) == 1
