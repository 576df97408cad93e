"""Fakes for tests: one without objects, one with the corpus, one whose time a test may move."""

from collections.abc import Iterator

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe.receiver import Receiver

NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    """Stands at New Year 2026; every answer is checked against the published schemas. Tests make their own customers."""
    with FakeStripe(tmp_path_factory.mktemp("stripe"), now=NEW_YEAR, frozen=True, validate_answers=True) as made:
        yield made


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path_factory.mktemp("corpus"), corpus=True) as made:
        yield made


@pytest.fixture(scope="session")
def movable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path_factory.mktemp("living"), now=NEW_YEAR, frozen=True, validate_answers=True) as made:
        yield made


@pytest.fixture
def living(movable: FakeStripe) -> FakeStripe:
    """A world of the test's own, empty at New Year, which it may move."""
    movable.reset(NEW_YEAR)
    return movable


@pytest.fixture
def client(fake: FakeStripe) -> stripe.StripeClient:
    return fake.client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made
