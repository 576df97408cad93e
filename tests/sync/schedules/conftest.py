"""Schedules run by domain time."""

from collections.abc import Iterator

import pytest

from tests.support.standing_clock import StandingClock
from tests.support.world import World


@pytest.fixture
def clock(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandingClock]:
    """Domain time that stands still until it is moved."""
    standing = StandingClock(monkeypatch)
    yield standing
    standing.forget()
