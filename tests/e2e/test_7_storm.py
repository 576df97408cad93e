"""Half a minute of `make storm`. It comes last, because it begins with an empty Stripe."""

import time

import pytest

from infra.local.demo import corpus
from tests.e2e import storm
from tests.e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(500)]
SECONDS = 30.0
EVENTS = 250


def test_nothing_is_lost_or_doubled_when_stores_and_workers_are_killed_at_random(running: Running) -> None:
    running.stripe.do("reset", now=time.time())
    running.stripe.play([event.id for event in corpus.bundled().events[:EVENTS]])
    found = storm.Storm(running.beside("storm"), SECONDS).run()
    assert found["wrong"] == {}
    assert found["killed"].keys() & set(storm.STORES)
    assert storm.passed(found), found
