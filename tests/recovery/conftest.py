"""What recovery's tests share: invoices in the mirror, a clock that stands, a mailbox, and the machine run by hand."""

from collections.abc import Iterator

import pytest

from tests.recovery.support import Dunning, Mailbox
from tests.support.standing_clock import StandingClock
from tests.support.world import World


@pytest.fixture
def clock(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandingClock]:
    """Domain time that stands still until it is moved, by the parameter that the template names."""
    standing = StandingClock(monkeypatch)
    yield standing
    standing.forget()


@pytest.fixture
def mailbox(world: World) -> Mailbox:
    """Where SES puts what it is given."""
    return Mailbox()


@pytest.fixture
def dunning(world: World, clock: StandingClock, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dunning]:
    """A test workspace that may mail example.com, its invoices, facts about them, and machines."""
    playing = Dunning(world, clock, mailbox, monkeypatch)
    yield playing
    playing.forget()
