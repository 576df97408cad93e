"""A provider's removal is noted on the link; our customer stays."""

import pytest

from tests.customers.support import fact, make, read, tell
from tests.support.api import Api
from tests.support.world import World


def test_the_link_says_so_and_the_customer_stays(api: Api, world: World) -> None:
    made = make(api, key="k", name="A")["id"]
    tell(world, fact("created", "cus_1", key="k"))
    before = read(api, made)["version"]
    world.emitted()
    for _ in range(2):
        tell(world, fact("deleted", "cus_1", version=2, key="k"))
    now = read(api, made)
    (envelope,) = world.envelopes()
    assert (envelope.data["changed"], envelope.data["customer_version"], now["version"]) == (["links"], before + 1, before + 1)
    assert (now["status"], now["name"], [link["deleted"] for link in now["links"]]) == ("active", "A", [True])


@pytest.mark.parametrize("late", ["created", "updated"])
def test_nothing_undoes_it(api: Api, world: World, late: str) -> None:
    made = make(api, key="k")["id"]
    tell(world, fact("deleted", "cus_1", version=3, key="k"))
    tell(world, fact(late, "cus_1", version=2, key="k"))
    assert [link["deleted"] for link in read(api, made)["links"]] == [True]


def test_the_key_of_a_removed_one_has_no_effect(api: Api, world: World) -> None:
    tell(world, fact("created", "cus_1"))
    tell(world, fact("deleted", "cus_1", version=2, key="k"))
    (made,) = api.as_key().get("/v1/customers").body["data"]
    assert made["key"] is None
