"""One world for all bad input: nothing of it is stored, so nobody is in another's way."""

from collections.abc import Iterator

import psycopg
import pytest

from infra.local.postgres import Postgres
from infra.local.stripe.fake import FakeStripe
from oppulence.kernel import limits, oidc
from tests.bad_input.callers import Callers
from tests.support import olap
from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import AUDIENCE, ISSUER, People, key_set_url


@pytest.fixture(scope="module")
def callers(environment: None, postgres: Postgres, stripe_process: FakeStripe) -> Iterator[Callers]:
    """A key and a person who may do everything."""
    patch = pytest.MonkeyPatch()
    patch.setattr(oidc, "_keys", None)
    for name, value in {"OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": key_set_url()}.items():
        patch.setenv(name, value)
    patch.setenv("STRIPE_API_BASE", stripe_process.url)
    limits.forget_all()
    with psycopg.connect(postgres.url, autocommit=True) as admin, olap.server() as engine:
        olap.use(engine, patch)
        world = World(admin)
        people = People(world)
        yield Callers(Api(world).as_key(workspace_id=world.workspace_id), Api(world).as_user(people.member("owner").token))
    patch.undo()


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    """What failed before must not make an address wait here."""
    limits.forget_all()
