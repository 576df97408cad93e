"""The ledger's consumer of balance transactions."""

from typing import Any

import pytest

from oppulence.sync import events
from tests.ledger.facts import balances, fact, journal, tell
from tests.support.world import World


def recorded(**fields: Any) -> events.BalanceTransactionRecorded:
    return fact(events.BalanceTransactionRecorded, object_id="txn_1", **fields)


def test_a_payment_goes_from_clearing_to_the_balance_less_its_fee_once(world: World) -> None:
    for _ in range(2):
        assert tell(world, recorded()) == []
    assert journal(world) == {"balance_transaction.recorded": {"stripe_balance": 10_356, "fees": 344, "stripe_clearing": -10_700}}


def test_money_that_was_converted_leaves_clearing_in_the_customers_currency(world: World) -> None:
    payment = fact(events.PaymentSucceeded, object_id="pi_1", currency="EUR", amount_minor=10_000)
    assert tell(world, payment, recorded(exchange_rate="1.07", source_currency="EUR", source_amount_minor=10_000)) == []
    assert balances(world) == {
        "revenue": {"EUR": -10_000}, "stripe_balance": {"USD": 10_356}, "fees": {"USD": 344},
        "fx_clearing": {"EUR": 10_000, "USD": -10_700},
    }  # fmt: skip


def test_when_nobody_knows_what_was_converted_clearing_keeps_it(world: World) -> None:
    assert tell(world, recorded(exchange_rate="1.07")) == []
    assert balances(world) == {"stripe_balance": {"USD": 10_356}, "fees": {"USD": 344}, "fx_clearing": {"USD": -10_700}}


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        ("topup", "bank"), ("transfer_refund", "connected_accounts"), ("application_fee", "platform_fees"),
        ("reserve_transaction", "stripe_reserve"), ("adjustment", "adjustments"), ("of_tomorrow", "adjustments"),
    ],
)  # fmt: skip
def test_what_no_other_fact_tells_of_meets_its_own_account(world: World, kind: str, account: str) -> None:
    told = recorded(transaction_type=kind, reporting_category="x", amount_minor=500, fee_minor=0, net_minor=500, source_id=None)
    assert tell(world, told) == []
    assert balances(world) == {"stripe_balance": {"USD": 500}, account: {"USD": -500}}


def test_the_providers_own_fees_and_those_of_disputes_are_fees(world: World) -> None:
    billed = recorded(transaction_type="stripe_fee", reporting_category="fee", amount_minor=-70, fee_minor=5, net_minor=-75)
    dispute = {"transaction_type": "adjustment", "reporting_category": "dispute", "amount_minor": -10_700, "fee_minor": 1_500}
    disputed = recorded(**dispute, net_minor=-12_200).model_copy(update={"object_id": "txn_2"})
    assert tell(world, billed, disputed, fact(events.DisputeFundsWithdrawn, object_id="du_1")) == []
    assert balances(world) == {"stripe_balance": {"USD": -12_275}, "fees": {"USD": 1_575}, "disputes": {"USD": 10_700}}
