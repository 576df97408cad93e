"""OpenMeter's client."""

from collections.abc import Iterator

import pytest
from openmeter import Client

from tests.metering.openmeter import client, door
from tests.support.world import World


@pytest.fixture
def om(world: World) -> Iterator[Client]:
    """With a key that may do what clients of OpenMeter do."""
    scopes = ["meters:read", "meters:write", "usage:read", "usage:write"]
    with door() as url, client(url, world.api_key(scopes, world.workspace_id)) as made:
        yield made
