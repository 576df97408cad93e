"""What time does: renewals, retries, trials, cards that expire; and what a restart does not undo."""

import time
from typing import Any

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe import shop
from tests.infra.local.stripe.conftest import NEW_YEAR
from tests.infra.local.stripe.receiver import Receiver

DAY = 86_400
HOUR = 3_600


def hear(client: stripe.StripeClient, receiver: Receiver) -> str:
    """Register the receiver for everything; returns its secret."""
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    assert made.secret
    return made.secret


def test_dunning_from_a_renewal_that_fails_to_the_payment_after_the_card_was_changed(
    fake: FakeStripe, receiver: Receiver
) -> None:
    client = fake.client()
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    shop.card(client, customer, "pm_card_chargeCustomerFail")
    secret = hear(client, receiver)
    renewal = NEW_YEAR + 31 * DAY

    fake.advance(renewal + 2 * HOUR)
    failed = client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    assert (failed.status, failed.attempt_count, failed.next_payment_attempt) == ("open", 1, renewal + HOUR + 3 * DAY)
    assert client.v1.subscriptions.retrieve(sub.id).status == "past_due"
    assert client.v1.customers.retrieve(customer).delinquent
    assert receiver.types == [
        "invoice.upcoming", "invoice.created", "customer.subscription.updated", "invoice.finalized", "payment_intent.created",
        "charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed",
        "customer.subscription.updated", "customer.updated",
    ]  # fmt: skip

    fake.advance(renewal + 5 * DAY)
    assert client.v1.invoices.retrieve(failed.id).attempt_count == 2
    shop.card(client, customer, "pm_card_mastercard")
    fake.advance(renewal + 20 * DAY)
    paid = client.v1.invoices.retrieve(failed.id)
    assert (paid.status, paid.attempt_count, client.v1.subscriptions.retrieve(sub.id).status) == ("paid", 3, "active")
    assert not client.v1.customers.retrieve(customer).delinquent

    receiver.verify(secret)
    attempts = [event["created"] for event in receiver.events if event["type"] == "invoice.payment_failed"]
    assert attempts == [renewal + HOUR, renewal + HOUR + 3 * DAY]
    end = receiver.types[-8:]
    assert end == [
        "charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid", "invoice.updated", "invoice.paid",
        "invoice.payment_succeeded", "customer.subscription.updated", "customer.updated",
    ]  # fmt: skip
    assert next(e for e in receiver.events if e["type"] == "invoice.paid")["created"] == renewal + HOUR + 8 * DAY


@pytest.mark.parametrize(("after", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")])
def test_when_all_retries_fail_the_accounts_settings_decide(fake: FakeStripe, after: str, status: str) -> None:
    client = fake.client()
    fake.do("settings", after_retries=after, invoice_after_retries="uncollectible")
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    shop.card(client, customer, "pm_card_chargeCustomerFail")
    fake.advance(NEW_YEAR + 50 * DAY)
    inv = client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    assert (inv.status, inv.attempt_count, client.v1.subscriptions.retrieve(sub.id).status) == ("uncollectible", 4, status)


def test_a_lost_card_is_not_asked_again_but_a_new_one_is(fake: FakeStripe) -> None:
    client = fake.client()
    customer = shop.customer(client, None)
    sub = shop.subscribe(client, customer, default_payment_method=(pm := shop.card(client, customer)))
    fake.decline(pm, "lost_card")
    fake.advance(NEW_YEAR + 36 * DAY)
    inv = client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    assert inv.attempt_count == 2
    assert shop.told(client, inv.id).count("invoice.payment_failed") == 1
    client.v1.subscriptions.update(sub.id, {"default_payment_method": shop.card(client, customer, default=False)})
    fake.advance(NEW_YEAR + 40 * DAY)
    assert client.v1.invoices.retrieve(inv.id).status == "paid"


def test_trials_warn_end_and_are_billed_or_canceled(fake: FakeStripe) -> None:
    client = fake.client()
    with_card, without = shop.customer(client), shop.customer(client, None)
    paying = shop.subscribe(client, with_card, trial_period_days=14)
    ending = shop.subscribe(
        client, without, trial_period_days=14, trial_settings={"end_behavior": {"missing_payment_method": "cancel"}}
    )
    waiting = shop.subscribe(
        client, without, trial_period_days=14, trial_settings={"end_behavior": {"missing_payment_method": "pause"}}
    )
    fake.advance(NEW_YEAR + 11 * DAY)
    assert shop.told(client, paying.id)[-1] == "customer.subscription.trial_will_end"
    fake.advance(NEW_YEAR + 15 * DAY)
    statuses = [client.v1.subscriptions.retrieve(one.id).status for one in (paying, ending, waiting)]
    assert statuses == ["active", "canceled", "paused"]
    assert client.v1.invoices.list({"customer": with_card, "limit": 1}).data[0].amount_paid == 2_900
    shop.card(client, without)
    assert client.v1.subscriptions.resume(waiting.id).status == "active"
    assert client.v1.invoices.list({"customer": without, "limit": 1}).data[0].status == "paid"


def test_a_card_expires_and_its_bank_may_renew_it(fake: FakeStripe) -> None:
    client = fake.client()
    customer = shop.customer(client, None)
    pm = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2026}}
    )
    shop.card(client, customer, pm.id)
    shop.subscribe(client, customer)
    fake.advance(NEW_YEAR + 32 * DAY)
    inv = client.v1.invoices.list({"customer": customer, "limit": 1, "expand": ["data.payments"]}).to_dict()["data"][0]
    intent = client.v1.payment_intents.retrieve(inv["payments"]["data"][0]["payment"]["payment_intent"])
    assert intent.last_payment_error and intent.last_payment_error.code == "expired_card"
    fake.do(f"payment_methods/{pm.id}", exp_year=2030)
    assert shop.told(client, pm.id)[-1] == "payment_method.automatically_updated"
    fake.advance(NEW_YEAR + 40 * DAY)
    assert client.v1.invoices.retrieve(inv["id"]).status == "paid"


def test_a_subscription_ends_with_its_period_or_never_began(fake: FakeStripe) -> None:
    client = fake.client()
    sub = shop.subscribe(client, shop.customer(client))
    client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": True})
    never = shop.subscribe(client, shop.customer(client, "pm_card_chargeCustomerFail"))
    fake.advance(NEW_YEAR + 32 * DAY)
    assert client.v1.subscriptions.retrieve(sub.id).status == "canceled"
    expired = client.v1.subscriptions.retrieve(never.id, {"expand": ["latest_invoice"]}).to_dict()
    assert (expired["status"], expired["latest_invoice"]["status"]) == ("incomplete_expired", "void")


def test_months_keep_their_day_where_they_can(fake: FakeStripe) -> None:
    fake.advance(NEW_YEAR + 30 * DAY)  # 31 January
    client = fake.client()
    sub = shop.subscribe(client, shop.customer(client))
    ends = []
    for day in (1, 30, 61):
        fake.advance(NEW_YEAR + (30 + day) * DAY)
        ends.append(client.v1.subscriptions.retrieve(sub.id).to_dict()["items"]["data"][0]["current_period_end"])
    assert [time.strftime("%d %b", time.gmtime(end)) for end in ends] == ["28 Feb", "31 Mar", "30 Apr"]


def test_paused_collection_voids_what_it_bills(fake: FakeStripe) -> None:
    client = fake.client()
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    client.v1.subscriptions.update(sub.id, {"pause_collection": {"behavior": "void", "resumes_at": NEW_YEAR + 40 * DAY}})
    fake.advance(NEW_YEAR + 61 * DAY)
    assert [one.status for one in client.v1.invoices.list({"customer": customer}).data] == ["paid", "void", "paid"]


def test_refunds_settle_or_fail_and_money_becomes_available(fake: FakeStripe) -> None:
    client = fake.client()
    made = [
        client.v1.payment_intents.create({"amount": 1_000, "currency": "usd", "payment_method": token, "confirm": True}).id
        for token in ("pm_card_visa", "pm_card_refundFail", "pm_card_createDispute")
    ]
    good, bad = (client.v1.refunds.create({"payment_intent": intent}).id for intent in made[:2])
    fake.advance(NEW_YEAR + 3 * DAY)
    assert [client.v1.refunds.retrieve(one).status for one in (good, bad)] == ["succeeded", "failed"]
    assert client.v1.disputes.list({"payment_intent": made[2]}).data[0].status == "needs_response"
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (
        0,
        3 * (1_000 - 59) - 1_000 - 1_000 + 1_000 - 1_000 - 1_500,
    )


def test_test_clocks_have_a_time_of_their_own(fake: FakeStripe, client: stripe.StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR, "name": "one"})
    customer = client.v1.customers.create({"test_clock": clock.id}).id
    shop.card(client, customer)
    sub = shop.subscribe(client, customer)
    other = shop.subscribe(client, shop.customer(client))
    moved = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NEW_YEAR + 40 * DAY})
    assert moved.status == "advancing"
    until = time.monotonic() + 60
    while client.v1.test_helpers.test_clocks.retrieve(clock.id).status != "ready" and time.monotonic() < until:
        time.sleep(0.01)
    invoices = client.v1.invoices.list({"customer": customer}).data
    assert [(one.status, one.created) for one in invoices] == [("paid", NEW_YEAR + 31 * DAY), ("paid", NEW_YEAR)]
    assert (client.v1.subscriptions.retrieve(sub.id).test_clock, fake.now) == (clock.id, NEW_YEAR)
    assert len(client.v1.invoices.list({"subscription": other.id}).data) == 1
    assert client.v1.test_helpers.test_clocks.delete(clock.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.retrieve(customer)


def test_a_killed_fake_goes_on_where_it_was(fake: FakeStripe, receiver: Receiver) -> None:
    client = fake.client()
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    secret = hear(client, receiver)
    fake.deliveries(paused=True)
    once: Any = {"idempotency_key": "the-same"}
    made = [client.v1.customers.create({"name": "Once"}, options=once).id, client.v1.customers.create({}).id]
    fake.kill()
    receiver.answers = [500]
    fake.start()
    assert fake.settle() and fake.now == NEW_YEAR
    assert [event["data"]["object"]["id"] for event in receiver.events] == made
    assert fake.client().v1.customers.create({"name": "Once"}, options=once).id == made[0]
    fake.advance(NEW_YEAR + 32 * DAY)
    assert receiver.events[2]["data"]["object"]["id"] == made[0]
    receiver.verify(secret)
    assert [one.status for one in fake.client().v1.invoices.list({"subscription": sub.id}).data] == ["paid", "paid"]


def test_attempts_may_follow_in_real_time(fake: FakeStripe, receiver: Receiver) -> None:
    hear(fake.client(), receiver)
    fake.deliveries(retries_s=[0.02] * 5, wall=True)
    receiver.answers = [500, 503]
    fake.client().v1.customers.create({})
    until = time.monotonic() + 60
    while len(receiver.bodies) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    assert len(receiver.bodies) == 3
