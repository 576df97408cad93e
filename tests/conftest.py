"""Fixtures of all tests: a real PostgreSQL, AWS in process, the API through its handlers, and a world of workspaces."""

import os
import signal
import time
from collections.abc import Iterator

import hypothesis
import psycopg
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from infra.local.postgres import Postgres
from infra.local.stripe.fake import FakeStripe
from oppulence.connections import breaker, stripe_door
from oppulence.kernel import auth, crypto, limits, olap
from tests.support import cloud
from tests.support.api import Api
from tests.support.postgres import server, variables
from tests.support.world import World

hypothesis.settings.load_profile("ci")  # the same examples each time; `pytest --hypothesis-profile=default` looks for others


def pytest_configure() -> None:
    """A test run that is told to end stops what it started, as after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of its own for this test process."""
    with server() as made:
        yield made


@pytest.fixture(scope="session")
def environment(postgres: Postgres) -> Iterator[None]:
    """The environment that functions find, with AWS played in this process."""
    before = dict(os.environ)
    os.environ.update(variables(postgres), STAGE="local", POWERTOOLS_LOG_LEVEL="WARNING", DEFAULT_PLAN="business")
    with cloud.in_process():
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def unchanged_environment() -> Iterator[None]:
    """What a command sets for its process ends with its test."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def admin(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """A superuser's connection, for looking and for damage; never for what a use case does."""
    with psycopg.connect(postgres.url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def world(environment: None, admin: psycopg.Connection) -> World:
    """A workspace to begin with, and ways to make more of the world."""
    auth.forget_all()
    limits.forget_all()
    crypto.forget_all()
    olap.forget()
    stripe_door.forget_all()
    cloud.forget_events()
    return World(admin)


@pytest.fixture
def api(world: World) -> Api:
    """The HTTP API through its real handlers."""
    return Api(world)


@pytest.fixture(scope="session")
def stripe_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    """One local Stripe for the tests of this process; every answer is checked against the published schemas."""
    with FakeStripe(tmp_path_factory.mktemp("stripe"), validate_answers=True) as made:
        yield made


@pytest.fixture
def fake_stripe(stripe_process: FakeStripe, environment: None, monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    """A Stripe that this test finds empty, at the real time, and that functions call."""
    monkeypatch.setenv("STRIPE_API_BASE", stripe_process.url)
    monkeypatch.setenv("API_URL", "http://127.0.0.1:9")  # where its webhooks go: nobody listens
    breaker.forget_all()
    stripe_process.reset(time.time())
    return stripe_process


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """A file's tests run in one process; so do all tests of the deployed template, which share one cloud."""
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Hands out files."""

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if nodeid.startswith("tests/e2e/") else nodeid.partition("::")[0]


_SLOW = ("tests/infra/", "tests/isolation/", "tests/bad_input/")
_SERVERS = {"postgres", "engine", "stripe_process"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the deployed template wait most of the time and take longest: they come first, beside the others."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/e2e/"))
    for item in items:
        # What starts a server or a cloud, or goes through all routes, is not part of `make check`.
        if item.nodeid.startswith(_SLOW) or _SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
