"""GET /openmeter/api/v1/meters/{meter_id}"""

import pytest
from corehttp.exceptions import ResourceNotFoundError
from openmeter import Client

from tests.metering.openmeter import client, create, door, refused
from tests.support.world import World


def test_a_meter_is_found_by_its_id_and_its_slug(om: Client) -> None:
    made = create(om)
    assert om.meters.get(made.id) == om.meters.get(made.slug) == made


def test_what_is_not_there_is_a_problem(om: Client) -> None:
    for ask in (om.meters.get, om.meters.delete, om.meters.query_json):
        with refused(404) as problem:
            ask("none")
        assert "GET /openmeter/api/v1/meters;" in problem["detail"]
    with pytest.raises(ResourceNotFoundError):
        om.meters.get("met_" + "a" * 20)


def test_a_key_without_the_scope_and_another_workspace(om: Client, world: World) -> None:
    made = create(om)
    with door() as url:
        with client(url, world.api_key(["usage:read"], world.workspace_id)) as other, refused(403):
            other.meters.get(made.id)
        with client(url, world.api_key(["admin:*"], world.workspace())) as other, refused(404):
            other.meters.get(made.id)
