"""GET /v1/ledger/balances."""

from datetime import UTC, datetime, timedelta

import pytest

from oppulence.sync import events
from tests.ledger.facts import CONSUMERS, fact, tell
from tests.support import entries
from tests.support.api import Api
from tests.support.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def reader(api: Api) -> Api:
    return api.as_key(scopes=["ledger:read"])


def tell_at(world: World, at: datetime, told: events.Fact) -> None:
    assert world.deliver(CONSUMERS[type(told)], entries.envelope(world.workspace_id, told, occurred_at=at)) == []


def test_balances_stand_on_the_accounts_normal_side(reader: Api, world: World) -> None:
    tell(
        world, fact(events.InvoiceFinalized), fact(events.PaymentSucceeded, object_id="pi_1", invoice_id="in_1"),
        fact(events.RefundCreated, object_id="re_1", amount_minor=1_000),
    )  # fmt: skip
    answer = reader.get("/v1/ledger/balances")
    assert answer.status == 200
    assert answer.body["data"] == [
        balance("receivable", "asset", 10_700, 10_700, 0),
        balance("refunds", "income", 1_000, 0, 1_000),
        balance("revenue", "income", 0, 10_000, 10_000),
        balance("stripe_clearing", "asset", 10_700, 1_000, 9_700),
        balance("tax", "liability", 0, 700, 700),
    ]
    assert answer.body["totals"] == [{"currency": "USD", "debit_minor": 22_400, "credit_minor": 22_400}]


def balance(account: str, kind: str, debit: int, credit: int, amount: int) -> dict[str, object]:
    amounts = {"debit_minor": debit, "credit_minor": credit, "balance_minor": amount}
    return {"account": account, "type": kind, "currency": "USD", **amounts}


def test_currencies_are_never_added_up(reader: Api, world: World) -> None:
    tell(world, fact(events.PayoutCreated, object_id="po_1"), fact(events.PayoutCreated, object_id="po_2", currency="JPY"))
    body = reader.get("/v1/ledger/balances").body
    assert [total["currency"] for total in body["totals"]] == ["JPY", "USD"]
    assert len(body["data"]) == 4


def test_the_books_as_they_stood_at_an_instant(reader: Api, world: World) -> None:
    tell_at(world, START, fact(events.PayoutCreated, object_id="po_1", amount_minor=5))
    tell_at(world, START + timedelta(hours=1), fact(events.PayoutFailed, object_id="po_1", amount_minor=5))
    assert reader.get("/v1/ledger/balances", at="2025-12-31T23:59:59Z").body["data"] == []
    then = reader.get("/v1/ledger/balances", at="2026-01-01T00:00:00Z").body["data"]
    assert [(row["account"], row["balance_minor"]) for row in then] == [("bank", 5), ("stripe_clearing", -5)]
    now = reader.get("/v1/ledger/balances").body["data"]
    assert [(row["account"], row["balance_minor"]) for row in now] == [("bank", 0), ("stripe_clearing", 0)]


def test_sums_larger_than_a_column_are_exact(reader: Api, world: World) -> None:
    for number in range(3):
        tell(world, fact(events.PayoutCreated, object_id=f"po_{number}", amount_minor=2**63 - 1))
    assert reader.get("/v1/ledger/balances").body["data"][0]["debit_minor"] == 3 * (2**63 - 1)


def test_an_empty_workspace_has_no_balances(reader: Api) -> None:
    answer = reader.get("/v1/ledger/balances")
    empty = {"data": [], "totals": [], "pagination": {"has_more": False, "next_cursor": None}}
    assert (answer.status, answer.body) == (200, empty)


def test_another_workspaces_money_does_not_count(reader: Api, world: World) -> None:
    tell(world, fact(events.InvoiceFinalized), workspace_id=world.workspace())
    assert reader.get("/v1/ledger/balances").body["data"] == []


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    answer = api.as_key(scopes=["recovery:read"]).get("/v1/ledger/balances")
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")


@pytest.mark.parametrize(("query", "param"), [({"at": "noon"}, "at"), ({"at": "2026-01-01"}, "at"), ({"limit": 1}, "limit")])
def test_what_cannot_be_used_is_named(reader: Api, query: dict[str, str], param: str) -> None:
    answer = reader.get("/v1/ledger/balances", **query)
    assert (answer.status, answer.error.param) == (400, param)
