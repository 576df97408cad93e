"""The ledger's consumer of invoice finalized."""

from oppulence.sync import events
from tests.ledger.facts import fact, journal, tell
from tests.support.world import World


def test_receivable_against_revenue_and_tax(world: World) -> None:
    tell(world, fact(events.InvoiceFinalized))
    assert journal(world) == {"invoice.finalized": {"receivable": 10_700, "revenue": -10_000, "tax": -700}}


def test_what_the_customers_balance_settles_is_not_receivable(world: World) -> None:
    tell(world, fact(events.InvoiceFinalized, credit_applied_minor=3_000))
    expected = {"receivable": 7_700, "customer_credit": 3_000, "revenue": -10_000, "tax": -700}
    assert journal(world) == {"invoice.finalized": expected}


def test_a_negative_invoice_becomes_the_customers_credit(world: World) -> None:
    tell(world, fact(events.InvoiceFinalized, total_minor=-107, tax_minor=-7))
    assert journal(world) == {"invoice.finalized": {"revenue": 100, "tax": 7, "customer_credit": -107}}


def test_an_invoice_of_zero_books_nothing(world: World) -> None:
    assert tell(world, fact(events.InvoiceFinalized, total_minor=0, tax_minor=0)) == []
    assert journal(world) == {}


def test_a_batch_is_posted_together_and_repeats_change_nothing(world: World) -> None:
    told = [fact(events.InvoiceFinalized, object_id=f"in_{number}") for number in range(9)]
    for _ in range(2):
        assert world.deliver("ledger.consumers.on_invoice_finalized", *told, told[0]) == []
    assert (world.count("ledger.journal_entries"), world.count("ledger.postings")) == (9, 27)


def test_one_bad_record_does_not_hold_up_the_others(world: World) -> None:
    beyond = fact(events.InvoiceFinalized, object_id="in_2", total_minor=2**70)
    failed = world.deliver("ledger.consumers.on_invoice_finalized", fact(events.InvoiceFinalized), beyond)
    assert len(failed) == 1
    assert world.count("ledger.journal_entries") == 1


def test_the_same_object_id_on_two_provider_accounts_is_two_facts(world: World) -> None:
    for account in (None, "acct_1", "acct_2"):
        tell(world, fact(events.InvoiceFinalized, account=account))
    assert world.count("ledger.journal_entries") == 3


def test_each_workspace_has_its_own_books(world: World) -> None:
    other = world.workspace()
    tell(world, fact(events.InvoiceFinalized))
    tell(world, fact(events.InvoiceFinalized), workspace_id=other)
    assert journal(world) == journal(world, other) != {}
