"""Each stage is synthesized once for all tests: importing the CDK and starting its kernel is what takes the time."""

import pytest

from tests.infra.templates import Templates, synthesize


@pytest.fixture(scope="session")
def prod() -> Templates:
    return synthesize("prod")


@pytest.fixture(scope="session")
def local() -> Templates:
    return synthesize("local")
