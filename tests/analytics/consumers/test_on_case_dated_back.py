"""A case that turns out to have begun earlier is written over."""

from tests.analytics.support import DAY, START, fail, rows, tell, told
from tests.support.world import World


def test_the_beginning_moves_back(store: World) -> None:
    fail(store, "in_1", amount_remaining_minor=5_000)
    fail(store, "in_1", at=START - 3 * DAY, amount_remaining_minor=9_000, provider_event_id="evt_0")
    facts = told(store)
    assert {one.type for one in facts} == {"recovery.case.opened", "recovery.case.dated_back"}
    assert tell(store, facts) == []
    at = (START - 3 * DAY).replace(tzinfo=None)
    assert rows(store, "recovery_events", "event_type, event_timestamp, original_amount_minor") == [("started", at, 9_000)]
