"""The corpus through the posting rules: the books agree with what the objects ended as."""

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oppulence.kernel.events import Envelope
from oppulence.sync import stripe_events
from oppulence.sync.facts import facts_of
from oppulence.sync.stripe_events import StripeEvent
from tests.ledger.facts import CONSUMERS, balances
from tests.support import entries
from tests.support.world import World

CORPUS = Path(__file__).parents[1] / "fixtures" / "stripe"
Sums = dict[str, dict[str, int]]


def test_the_books_agree_with_the_objects_whatever_the_order(world: World) -> None:
    told = [envelope for envelope in _facts(world.workspace_id) for _ in range(2)]
    random.Random(20260527).shuffle(told)
    _deliver(world, told)
    expected = _expected()
    assert balances(world) == expected
    net, fees = _balance_transactions("net"), _balance_transactions("fee")
    assert (expected["stripe_balance"], expected["fees"]) == (net, fees) and min(*net.values(), *fees.values()) > 0
    assert "stripe_clearing" not in expected  # whatever moved money has its balance transaction, and the other way round


def _balance_transactions(field: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for line in _lines("objects.jsonl.gz"):
        if line["object_type"] == "balance_transaction":
            sums[line["object"]["currency"].upper()] += line["object"][field]
    return dict(sums)


def _seen() -> Iterator[StripeEvent]:
    """The corpus's events, and its balance transactions, which have none, as objects that were listed."""
    for line in _lines("events.jsonl.gz"):
        yield stripe_events.read(json.dumps(line).encode())
    for line in _lines("objects.jsonl.gz"):
        if line["object_type"] == "balance_transaction":
            shown, account = line["object"], line.get("account", "")
            yield StripeEvent("", "balance_transaction.observed", account, shown["created"], None, shown, previous={})


def _facts(workspace_id: str) -> Iterator[Envelope]:
    """Each fact of the corpus once, by what the mirror reads from its events and objects."""
    known: set[tuple[str, str, str]] = set()
    for event in _seen():
        for told in facts_of(event):
            name = (event.account, event.object_id, told.name)
            if told.event in CONSUMERS and name not in known:
                known.add(name)
                yield entries.envelope(workspace_id, told.announce(event, 1), occurred_at=told.at)


def _deliver(world: World, told: list[Envelope]) -> None:
    """By ten, each to its consumer; what waits for another fact is told again."""
    by_type: dict[str, list[Envelope]] = defaultdict(list)
    for envelope in told:
        by_type[envelope.type].append(envelope)
    queues = {kind.type: consumer for kind, consumer in CONSUMERS.items()}
    order = sorted(by_type, key=lambda kind: kind == "sync.invoice.finalized")  # what others wait for comes last
    for _ in range(2):
        waiting = 0
        for kind in order:
            batches = [by_type[kind][start : start + 10] for start in range(0, len(by_type[kind]), 10)]
            waiting += sum(len(world.deliver(queues[kind], *batch)) for batch in batches)
        if not waiting:
            return
    pytest.fail(f"{waiting} facts still wait")


def _expected() -> Sums:
    """What must stand on the accounts, debits positive, from the objects' final state alone."""
    objects: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in _lines("objects.jsonl.gz"):
        objects[line["object_type"]].append(line["object"])
    sums: dict[str, Counter[str]] = defaultdict(Counter)

    def move(row: dict[str, Any], debit: str, credit: str, amount: int) -> None:
        sums[debit][row["currency"].upper()] += amount
        sums[credit][row["currency"].upper()] -= amount

    for invoice in objects["invoice"]:
        _expect_invoice(invoice, move)
    invoiced = {one["payment"]["payment_intent"] for one in objects["invoice_payment"]}
    for charge in objects["charge"]:
        if charge["status"] == "succeeded" and charge["captured"]:
            settled = "receivable" if charge["payment_intent"] in invoiced else "revenue"
            move(charge, "stripe_clearing", settled, charge["amount_captured"])
    for refund in objects["refund"]:
        move(refund, "refunds", "stripe_clearing", refund["amount"] if refund["status"] == "succeeded" else 0)
    for dispute in objects["dispute"]:
        move(dispute, "disputes", "stripe_clearing", -sum(moved["amount"] for moved in dispute["balance_transactions"]))
    for payout in objects["payout"]:
        move(payout, "bank", "stripe_clearing", payout["amount"] if payout["status"] == "paid" else 0)
    for moved in objects["balance_transaction"]:
        against = {"topup": "bank", "transfer": "connected_accounts", "application_fee": "platform_fees"}
        move(moved, "stripe_balance", against.get(moved["type"], "stripe_clearing"), moved["net"])
        move(moved, "fees", against.get(moved["type"], "stripe_clearing"), moved["fee"])
    for note in objects["credit_note"]:  # the corpus's notes have no tax
        move(note, "revenue", "receivable", note["pre_payment_amount"] if note["status"] == "issued" else 0)
    _expect_receivable(objects["invoice"], sums["receivable"])
    return {account: kept for account, by_currency in sums.items() if (kept := {k: v for k, v in by_currency.items() if v})}


def _expect_invoice(invoice: dict[str, Any], move: Callable[[dict[str, Any], str, str, int], None]) -> None:
    if invoice["status"] in ("draft", "void"):
        return
    tax = sum(one["amount"] for one in invoice["total_taxes"])
    move(invoice, "receivable", "revenue", invoice["total"] - tax)
    move(invoice, "receivable", "tax", tax)
    move(invoice, "bank", "receivable", invoice["amount_paid_off_stripe"])
    if invoice["status"] == "uncollectible":
        move(invoice, "bad_debt", "receivable", invoice["amount_remaining"])


def _expect_receivable(invoices: list[dict[str, Any]], receivable: Counter[str]) -> None:
    """What the flows add up to is what the open invoices say they still want: the expectation agrees with itself."""
    still_open: Counter[str] = Counter()
    for invoice in invoices:
        still_open[invoice["currency"].upper()] += invoice["amount_remaining"] if invoice["status"] == "open" else 0
    assert still_open.total() > 0 and +still_open == +receivable


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(CORPUS / name, "rt") as file:
        for line in file:
            yield json.loads(line)


def test_every_consumer_of_the_ledger_is_told_something_by_the_corpus(world: World) -> None:
    assert {envelope.type for envelope in _facts(world.workspace_id)} == {kind.type for kind in CONSUMERS}
