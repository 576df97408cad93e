"""Posting rules over any facts: balanced, nothing negative, one posting an account; and the same books in any order."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oppulence.ledger import balance_rules, rules
from oppulence.ledger.models import Account, Direction, Draft, postings_of
from oppulence.sync import events
from tests.ledger.facts import CONSUMERS, balances, fact, tell_until_posted
from tests.support.world import World

AMOUNT = st.integers(-(10**12), 10**12)
RULES = {
    kind: getattr(balance_rules if kind is events.BalanceTransactionRecorded else rules, name.partition(".on_")[2])
    for kind, name in CONSUMERS.items()
}


@st.composite
def any_fact(draw: st.DrawFn) -> events.Fact:
    kind = draw(st.sampled_from(list(RULES)))
    amounts = {name: draw(AMOUNT) for name in kind.model_fields if name.endswith("_minor")}
    flags = {name: draw(st.booleans()) for name in kind.model_fields if name == "was_uncollectible"}
    linked = {"invoice_id": draw(st.sampled_from(["in_1", None]))} if kind is events.PaymentSucceeded else {"invoice_id": "in_1"}
    if kind is events.BalanceTransactionRecorded:
        linked = draw(a_balance_transaction()) | {"net_minor": amounts["amount_minor"] - amounts["fee_minor"]}
    return fact(kind, **amounts | flags | linked)


@st.composite
def a_balance_transaction(draw: st.DrawFn) -> dict[str, Any]:
    """Of any type, known or not, with the money converted or not, and with what was converted known or not."""
    kinds = st.sampled_from(["charge", "refund", "payout", "adjustment", "transfer", "topup", "stripe_fee", "of_tomorrow"])
    converted: dict[str, Any] = {"exchange_rate": draw(st.sampled_from(["1.084", None]))}
    if converted["exchange_rate"]:
        converted["source_currency"] = draw(st.sampled_from(["EUR", None]))
    return {"transaction_type": draw(kinds), "reporting_category": draw(st.sampled_from(["charge", "dispute"])), **converted}


@given(any_fact())
@settings(max_examples=1000)
def test_every_entry_balances_and_names_each_account_once(told: events.Fact) -> None:
    drafts: list[Draft] = RULES[type(told)](told)
    assert len({draft.kind for draft in drafts}) == len(drafts)
    for draft in drafts:
        sides: Counter[tuple[str, Direction]] = Counter()
        for posting in draft.postings:
            assert posting.amount_minor > 0
            sides[posting.currency, posting.direction] += posting.amount_minor
        for currency in {told.currency, *(posting.currency for posting in draft.postings)}:
            assert sides[currency, Direction.DEBIT] == sides[currency, Direction.CREDIT]
        assert len({(posting.account, posting.currency) for posting in draft.postings}) == len(draft.postings)
        assert len(draft.postings) >= 2 or draft.reverses


@given(amount=AMOUNT, part=st.integers(0, 10**12), rest=st.integers(0, 10**12))
def test_a_share_and_its_rest_make_the_whole_to_a_minor_unit(amount: int, part: int, rest: int) -> None:
    whole = part + rest
    if whole:
        assert abs(rules.share(amount, part, whole) + rules.share(amount, rest, whole) - amount) <= 1
        assert rules.share(amount, whole, whole) == amount
    assert rules.share(amount, 0, whole) == 0


@pytest.mark.parametrize(("amount", "part", "expected"), [(1, 1, 0), (3, 1, 2), (5, 1, 2), (700, 1, 350)])
def test_half_a_minor_unit_goes_to_the_even_one(amount: int, part: int, expected: int) -> None:
    assert rules.share(amount, part, 2) == expected


def test_changes_that_do_not_balance_are_a_defect() -> None:
    with pytest.raises(ValueError, match="differ"):
        postings_of("USD", {Account.BANK: 2, Account.REVENUE: -1})


@st.composite
def a_life(draw: st.DrawFn) -> list[events.Fact]:
    """What may happen to one invoice, from its finalization to its end, with money amounts that agree with each other."""
    tax, net = draw(st.integers(0, 5_000)), draw(st.integers(1, 50_000))
    total = net + tax
    applied = draw(st.integers(0, total))
    owed = total - applied
    invoice: dict[str, Any] = {"total_minor": total, "tax_minor": tax, "credit_applied_minor": applied}
    told: list[events.Fact] = [fact(events.InvoiceFinalized, amount_remaining_minor=owed, **invoice)]
    lowered = draw(st.integers(0, owed))
    note = {"object_id": "cn_1", "invoice_id": "in_1", "total_minor": lowered, "pre_payment_minor": lowered}
    note["tax_minor"] = rules.share(tax, lowered, total)
    told.append(fact(events.CreditNoteIssued, **note))
    if draw(st.booleans()):
        told.append(fact(events.CreditNoteVoided, **note))
        lowered = 0
    owed -= lowered
    written_off = draw(st.booleans()) and owed > 0
    if written_off:
        told.append(fact(events.InvoiceMarkedUncollectible, amount_remaining_minor=owed, **invoice))
    end = draw(st.sampled_from(["open", "paid", "paid elsewhere", "void"]))
    if end == "void":
        told.append(fact(events.InvoiceVoided, amount_remaining_minor=owed, was_uncollectible=written_off, **invoice))
    if end == "paid":
        told.append(fact(events.PaymentSucceeded, object_id="pi_1", amount_minor=owed, invoice_id="in_1"))
    if end.startswith("paid"):
        elsewhere = owed if end == "paid elsewhere" else 0
        ended = {"amount_remaining_minor": 0, "paid_off_provider_minor": elsewhere, "was_uncollectible": written_off}
        told.append(fact(events.InvoicePaid, **invoice, **ended))
    return told


@given(life=a_life(), data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_repeats_end_in_the_same_books(world: World, life: list[events.Fact], data: st.DataObject) -> None:
    in_order, shuffled = world.workspace(), world.workspace()
    tell_until_posted(world, *life, workspace_id=in_order)
    repeated = life + data.draw(st.lists(st.sampled_from(life), max_size=4))
    tell_until_posted(world, *data.draw(st.permutations(repeated)), workspace_id=shuffled)
    assert balances(world, shuffled) == balances(world, in_order)


@given(life=a_life())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_settled_invoice_leaves_nothing_receivable_or_written_off(world: World, life: list[events.Fact]) -> None:
    workspace_id = world.workspace()
    tell_until_posted(world, *life, workspace_id=workspace_id)
    if isinstance(life[-1], events.InvoicePaid | events.InvoiceVoided):
        assert balances(world, workspace_id).keys().isdisjoint({"receivable", "bad_debt"})
