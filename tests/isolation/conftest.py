"""One workspace full of data, made once: every attack must leave it as it was."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from infra.local.postgres import Postgres
from infra.local.stripe.fake import FakeStripe
from oppulence.kernel import aws, oidc
from tests.isolation import tenants
from tests.isolation.tenants import Tenant
from tests.support import letters, olap
from tests.support.api import Api
from tests.support.world import World
from tests.tenancy.people import AUDIENCE, ISSUER, People, key_set_url

MACHINE = '{"StartAt": "W", "States": {"W": {"Type": "Succeed"}}}'


@pytest.fixture(scope="module")
def surroundings(environment: None, stripe_process: FakeStripe) -> Iterator[None]:
    """What routes and consumers find beyond PostgreSQL: a Stripe, an issuer, a machine to start, and an analytical store."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STRIPE_API_BASE", stripe_process.url)
    patch.setattr(oidc, "_keys", None)
    patch.setenv("OIDC_ISSUER", ISSUER)
    patch.setenv("OIDC_AUDIENCE", AUDIENCE)
    patch.setenv("OIDC_JWKS_URL", key_set_url())
    machine = aws.client("stepfunctions").create_state_machine(
        name="isolation", definition=MACHINE, roleArn="arn:aws:iam::123456789012:role/x"
    )
    for name in ("MACHINE_RECOVERY_DUNNING", "MACHINE_SYNC_BACKFILL", "MACHINE_METERING_USAGE_IMPORT"):
        patch.setenv(name, machine["stateMachineArn"])
    with letters.queues(), olap.server() as engine:
        olap.use(engine, patch)
        yield
    aws.client("stepfunctions").delete_state_machine(stateMachineArn=machine["stateMachineArn"])
    patch.undo()


@pytest.fixture(scope="module")
def victim(surroundings: None, postgres: Postgres) -> Iterator[Tenant]:
    """Workspace A."""
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        world = World(admin)
        yield tenants.build(world, People(world))


@pytest.fixture
def attacker(victim: Tenant, world: World) -> Tenant:
    """Workspace B, fresh for each attack, and its owner."""
    owner = People(world).member("owner")
    return Tenant(world.workspace_id, Api(world).as_user(owner.token, world.workspace_id))


_left: dict[str, dict[str, Any]] = {}
"""How a test's last case left workspace A."""


@pytest.fixture
def untouched(request: pytest.FixtureRequest, victim: Tenant, world: World) -> Iterator[None]:
    """Each case of a test leaves workspace A as it was, which is as the case before it left it."""
    before = _left.pop(request.function.__name__, None) or tenants.digest(world, victim.workspace_id)
    yield
    after = _left[request.function.__name__] = tenants.digest(world, victim.workspace_id)
    assert after == before
