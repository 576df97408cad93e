"""Fakes for tests: one that each test finds empty, one with the corpus."""

from collections.abc import Iterator

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe.receiver import Receiver

NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    """One process for all tests; every answer is checked against the published schemas."""
    with FakeStripe(tmp_path_factory.mktemp("stripe"), now=NEW_YEAR, frozen=True, validate_answers=True) as made:
        yield made


@pytest.fixture
def fake(process: FakeStripe) -> FakeStripe:
    """An empty world that stands at New Year 2026, for the test alone."""
    process.reset(NEW_YEAR)
    return process


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path_factory.mktemp("corpus"), corpus=True) as made:
        yield made


@pytest.fixture
def client(fake: FakeStripe) -> stripe.StripeClient:
    return fake.client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made
