"""People for the tests of tenancy: members of workspaces, with tokens of an issuer of their own."""

from collections.abc import Iterator

import pytest

from oppulence.kernel import oidc
from tests.support import letters
from tests.support.letters import Dead
from tests.support.world import World
from tests.tenancy.people import AUDIENCE, ISSUER, People, key_set_url


@pytest.fixture
def people(world: World, monkeypatch: pytest.MonkeyPatch) -> People:
    """People of this world; the platform accepts their issuer."""
    monkeypatch.setattr(oidc, "_keys", None)
    monkeypatch.setenv("OIDC_ISSUER", ISSUER)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("OIDC_JWKS_URL", key_set_url())
    return People(world)


@pytest.fixture
def dead(world: World) -> Iterator[Dead]:
    """Dead letters of this world, which has no others, and queues of their own."""
    world.admin.execute("DELETE FROM tenancy.dead_letters")
    with letters.queues():
        yield Dead(world)
