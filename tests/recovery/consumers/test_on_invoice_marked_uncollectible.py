"""An invoice that is written off ends its case as lost."""

from oppulence.sync import events as sync_events
from tests.recovery.support import DAY, Dunning
from tests.support.standing_clock import START


def test_the_open_case_is_lost(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.clock.move(DAY)
    dunning.lose(invoice_id, "uncollectible")
    case = dunning.case(invoice_id)
    assert (case["status"], case["close_reason"], case["recovered_minor"]) == ("lost", "uncollectible", 0)
    assert case["closed_at"] == "2026-01-06T12:00:00+00:00"
    assert dunning.run(invoice_id, until=START + 30 * DAY) == "Done" and dunning.mailbox.subjects == []
    emitted = dunning.world.emitted(workspace_id=dunning.workspace_id)
    assert emitted == ["recovery.case.opened.v1", "recovery.case.closed.v1"]


def test_a_recovered_case_stays_recovered(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.pay(invoice_id)
    assert dunning.deliver(dunning.fact(sync_events.InvoiceMarkedUncollectible, invoice_id)) == []
    assert dunning.case(invoice_id)["status"] == "recovered"


def test_a_fact_older_than_what_is_known_changes_nothing(dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    old = dunning.fact(sync_events.InvoiceMarkedUncollectible, invoice_id)
    dunning.invoice(invoice_id)
    dunning.fail(invoice_id)
    assert dunning.deliver(old) == []
    assert dunning.case(invoice_id)["status"] == "open"


def test_an_invoice_without_a_case_is_none_of_ours(dunning: Dunning) -> None:
    dunning.lose(dunning.invoice(), "uncollectible")
    assert dunning.world.count("recovery.cases", dunning.workspace_id) == 0
