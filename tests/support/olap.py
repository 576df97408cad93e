"""A real ClickHouse engine for tests, and what it holds."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.clickhouse import ClickHouse
from infra.local.paths import DOMAIN
from oppulence.kernel import olap
from oppulence.kernel.migrate_olap import migrate
from tests.support.clickhouse import connect


@contextmanager
def server() -> Iterator[ClickHouse]:
    """An engine of its own, migrated."""
    with tempfile.TemporaryDirectory(prefix="oppulence-olap-") as folder:
        engine = ClickHouse(Path(folder))
        engine.start()
        try:
            migrate(connect(engine), DOMAIN / "oppulence")
            yield engine
        finally:
            engine.stop()


def use(engine: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the functions at an engine."""
    monkeypatch.setenv("CLICKHOUSE_URL", f"http://{engine.username}:{engine.password}@{engine.host}:{engine.port}")
    olap.forget()
