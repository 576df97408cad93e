"""An analytical store for the tests of metering."""

from collections.abc import Iterator

import pytest

from infra.local.clickhouse import ClickHouse
from tests.metering.importing import Importing
from tests.support import olap
from tests.support.api import Api
from tests.support.world import World


@pytest.fixture(scope="session")
def engine() -> Iterator[ClickHouse]:
    """One engine for all: rows are told apart by their workspace."""
    with olap.server() as server:
        yield server


@pytest.fixture
def store(engine: ClickHouse, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with functions that find the engine."""
    olap.use(engine, monkeypatch)
    return world


@pytest.fixture
def importing(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """A workspace that imports files."""
    made = Importing(api, monkeypatch)
    yield made
    made.forget()
