"""An analytical store for the tests of metering."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.kernel import olap as kernel_olap
from tests.metering import usage
from tests.metering.importing import Importing
from tests.support import olap
from tests.support.api import Api
from tests.support.usage_statements import unfiltered
from tests.support.world import World

TRUNCATE = "TRUNCATE TABLE usage_"
"""How tests lose the store."""


@pytest.fixture(scope="session")
def engine() -> Iterator[ClickHouse]:
    """One engine for all: rows are told apart by their workspace."""
    with olap.server() as server:
        yield server


@pytest.fixture
def store(engine: ClickHouse, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with functions that find the engine, whose statements are held to name their workspaces."""
    olap.use(engine, monkeypatch)
    for name in ("query", "work", "command", "stream"):
        monkeypatch.setattr(kernel_olap, name, _held(getattr(kernel_olap, name)))
    usage.nothing_waits(world)  # of what others left: tests count settlements, and look at their order
    return world


def _held(send: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(send)
    def checked(text: str, *args: Any, **options: Any) -> Any:
        assert text.startswith(TRUNCATE) or not unfiltered(text), f"{unfiltered(text)} without its workspaces in: {text}"
        return send(text, *args, **options)

    return checked


@pytest.fixture
def importing(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """A workspace that imports files."""
    made = Importing(api, monkeypatch)
    yield made
    made.forget()
