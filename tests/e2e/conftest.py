"""One platform for all tests of this folder; they run in the order of their files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import cloud
from tests.e2e.running import Running, up


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """Where the cloud lives: never the developer's own."""
    with tempfile.TemporaryDirectory(prefix="oppulence-e2e-") as folder:
        path = Path(folder)
        path.chmod(0o711)  # PostgreSQL runs as another user when we are root
        yield path


@pytest.fixture(scope="session")
def started(root: Path) -> Iterator[None]:
    up(root)
    try:
        yield
    finally:
        cloud.down(root)


@pytest.fixture
def running(started: None, root: Path) -> Iterator[Running]:
    """The platform as it stands now."""
    from infra.local.running import read_dev_json

    now = Running(root, read_dev_json(root / ".local"))
    now.stripe.turn(None)
    try:
        yield now
    finally:
        now.platform.close()
