"""Each stage is synthesized once for all tests: importing the CDK and starting its kernel is what takes the time."""

import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.infra.templates import Templates, synthesize


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _once("prod", tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return _once("local", tmp_path_factory.getbasetemp())


def _once(stage: str, own: Path) -> Templates:
    """A stage's templates; of several test processes of one run the first makes them."""
    made = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / f"{stage}.templates.json"
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            made.write_text(json.dumps(asdict(synthesize(stage))))
        found = json.loads(made.read_text())
    return Templates(found["stacks"], tuple(found["contexts"]))
