"""The ledger's consumer of invoice voided."""

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support import cloud, entries
from tests.support.world import World

FINALIZED, VOIDED = fact(events.InvoiceFinalized), fact(events.InvoiceVoided)
CONSUMER = "ledger.consumers.on_invoice_voided"


def test_an_open_invoice_leaves_nothing(world: World) -> None:
    assert tell(world, FINALIZED, VOIDED, VOIDED) == []
    assert journal(world)["invoice.voided"] == {"revenue": 10_000, "tax": 700, "receivable": -10_700}
    assert balances(world) == {}


def test_only_what_was_still_open_is_taken_back_with_its_part_of_the_tax(world: World) -> None:
    tell(world, FINALIZED, fact(events.InvoiceVoided, amount_remaining_minor=3_333))
    assert journal(world)["invoice.voided"] == {"revenue": 3_115, "tax": 218, "receivable": -3_333}


def test_credit_that_was_applied_goes_back_to_the_customer(world: World) -> None:
    applied = {"credit_applied_minor": 4_000, "amount_remaining_minor": 6_700}
    tell(world, fact(events.InvoiceFinalized, **applied), fact(events.InvoiceVoided, **applied))
    assert balances(world) == {}


def test_an_invoice_that_had_been_written_off_leaves_nothing_either(world: World) -> None:
    tell(world, FINALIZED, fact(events.InvoiceMarkedUncollectible), fact(events.InvoiceVoided, was_uncollectible=True))
    assert balances(world) == {}


def test_it_waits_for_the_finalized_invoice_and_is_posted_when_that_came(world: World) -> None:
    assert tell(world, VOIDED) == [VOIDED]
    assert journal(world) == {}
    assert tell(world, FINALIZED, VOIDED) == []
    assert balances(world) == {}


def test_those_that_need_not_wait_are_posted(world: World) -> None:
    tell(world, FINALIZED)
    early = fact(events.InvoiceVoided, object_id="in_2")
    assert len(world.deliver(CONSUMER, VOIDED, early)) == 1
    assert "invoice.voided" in journal(world)


def test_another_workspaces_or_accounts_invoice_is_not_the_one_it_waits_for(world: World) -> None:
    tell(world, FINALIZED, workspace_id=world.workspace())
    tell(world, fact(events.InvoiceFinalized, account="acct_1"))
    assert tell(world, VOIDED) == [VOIDED]


def test_after_five_tries_it_goes_to_the_dead_letters_with_its_reason(world: World) -> None:
    cloud.dead_letters()
    batch = entries.queue_batch(entries.envelope(world.workspace_id, VOIDED))
    message_id = batch["Records"][0]["messageId"]
    back = [entries.entry(CONSUMER)(batch, None)["batchItemFailures"] for _ in range(5)]
    assert back == [[{"itemIdentifier": message_id}]] * 4 + [[]]
    (letter,) = cloud.dead_letters()
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "NotYet: invoice.voided of in_1 waits for its invoice.finalized, which is not in the ledger yet"
