"""GET /openmeter/api/v1/meters"""

from typing import Any

import pytest
from openmeter import Client

from tests.metering.openmeter import client, create, door, refused
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World


def slugs(om: Client, **query: Any) -> list[str]:
    return [one.slug for one in om.meters.list(**query)]


def test_meters_are_listed_in_their_orders_by_numbered_pages(om: Client, api: Api) -> None:
    for slug, name, kind in (("b", "Zeta", "SUM"), ("a", None, "MAX"), ("d", "alpha", "AVG"), ("c", None, "MIN")):
        create(om, slug=slug, name=name, aggregation=kind)
    assert slugs(om) == ["a", "b", "c", "d"] and slugs(om, order="DESC") == ["d", "c", "b", "a"]
    assert slugs(om, order_by="createdAt") == slugs(om, order_by="updatedAt") == ["b", "a", "d", "c"]
    assert slugs(om, order_by="aggregation") == ["d", "a", "c", "b"]
    assert sorted(slugs(om, order_by="name")) == ["a", "b", "c", "d"]
    assert slugs(om, page=2, page_size=3) == ["d"] and slugs(om, page=3, page_size=3) == []
    make(api, slug="ours", aggregation="PERCENTILE", value_property="$.ms", percentile=99)
    assert om.meters.list(page=2, page_size=4)[0].aggregation == "PERCENTILE", "our own meters are theirs too"


@pytest.mark.parametrize("query", [{"page": 0}, {"page_size": 1001}, {"order": "UP"}, {"order_by": "; DROP TABLE x"}])
def test_other_pages_there_are_none(om: Client, query: dict[str, Any]) -> None:
    with refused(400):
        om.meters.list(**query)


def test_a_key_without_the_scope_and_another_workspace(om: Client, world: World) -> None:
    create(om)
    with door() as url:
        with client(url, world.api_key(["usage:read"], world.workspace_id)) as other, refused(403):
            other.meters.list()
        with client(url, world.api_key(["admin:*"], world.workspace())) as other:
            assert other.meters.list() == []
