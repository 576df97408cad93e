"""How a case ended."""

from tests.analytics.support import fail, lose, pay, rows, tell, told
from tests.support.world import World

COLUMNS = "event_type, original_amount_minor, recovered_amount_minor, reason"


def test_a_paid_invoice_is_recovered(store: World) -> None:
    fail(store, "in_1")
    pay(store, "in_1")
    assert tell(store, told(store)) == []
    assert rows(store, "recovery_events", COLUMNS) == [("recovered", 10_700, 10_700, "paid"), ("started", 10_700, 0, "")]


def test_a_voided_one_has_failed(store: World) -> None:
    fail(store, "in_1")
    lose(store, "in_1")
    assert tell(store, told(store)) == []
    assert rows(store, "recovery_events", COLUMNS) == [("failed", 10_700, 0, "voided"), ("started", 10_700, 0, "")]
