"""A case that was lost, and is paid after all, has one end."""

from tests.analytics.support import DAY, START, fail, lose, pay, rows, tell, told
from tests.support.world import World


def test_the_old_end_is_taken_back(store: World) -> None:
    fail(store, "in_1")
    lose(store, "in_1")
    lost = told(store)
    assert tell(store, lost) == []
    pay(store, "in_1", at=START + 9 * DAY)
    again = told(store)
    assert "recovery.case.reopened" in {one.type for one in again}
    assert tell(store, [*again, *lost]) == []
    assert rows(store, "recovery_events", "event_type, recovered_amount_minor") == [("recovered", 10_700), ("started", 0)]
    columns = "attempts, recoveries, failures, emails, total_at_risk_minor, total_recovered_minor"
    assert rows(store, "recovery_rates", columns) == [(1, 1, 0, 0, 10_700, 10_700)]
