"""Subscriptions and invoices, by the SDK; every answer is checked against the published schemas."""

from typing import Any

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe import shop
from tests.infra.local.stripe.conftest import NEW_YEAR

DAY = 86_400


def test_a_subscription_is_paid_at_once_and_tells_it_in_order(client: stripe.StripeClient) -> None:
    customer = shop.customer(client)
    before = client.v1.events.list({"limit": 1}).data[0].id
    sub = shop.subscribe(client, customer, expand=["latest_invoice.payments"])
    shown = sub.to_dict()
    assert (sub.status, shown["latest_invoice"]["status"], shown["latest_invoice"]["billing_reason"]) == (
        "active",
        "paid",
        "subscription_create",
    )
    period = shown["items"]["data"][0]
    assert (period["current_period_start"], period["current_period_end"]) == (NEW_YEAR, NEW_YEAR + 31 * DAY)
    types = [event.type for event in client.v1.events.list({"ending_before": before, "limit": 100}).data][::-1]
    assert types[types.index("customer.subscription.created") :] == [
        "customer.subscription.created", "invoice.created", "customer.updated", "invoice.finalized", "payment_intent.created",
        "charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid", "invoice.updated", "invoice.paid",
        "invoice.payment_succeeded", "customer.subscription.updated",
    ]  # fmt: skip


def test_without_a_card_there_is_no_subscription_but_a_trial(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.subscribe(client, customer)
    trial = shop.subscribe(client, customer, trial_period_days=7)
    assert (trial.status, trial.trial_end) == ("trialing", NEW_YEAR + 7 * DAY)
    waiting = shop.subscribe(
        client, customer, payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"]
    ).to_dict()
    secret = waiting["latest_invoice"]["confirmation_secret"]["client_secret"]
    assert waiting["status"] == "incomplete"
    paid = client.v1.payment_intents.confirm(secret.partition("_secret_")[0], {"payment_method": "pm_card_visa"})
    assert (paid.status, client.v1.subscriptions.retrieve(waiting["id"]).status) == ("succeeded", "active")


def test_a_first_payment_that_fails_leaves_it_incomplete_or_nothing(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, "pm_card_chargeCustomerFail")
    sub = shop.subscribe(client, customer, expand=["latest_invoice"]).to_dict()
    assert (sub["status"], sub["latest_invoice"]["status"], sub["latest_invoice"]["next_payment_attempt"]) == (
        "incomplete",
        "open",
        None,
    )
    count = len(client.v1.subscriptions.list({"customer": customer, "status": "all"}).data)
    with pytest.raises(stripe.CardError):
        shop.subscribe(client, customer, payment_behavior="error_if_incomplete")
    assert len(client.v1.subscriptions.list({"customer": customer, "status": "all"}).data) == count
    paid = client.v1.invoices.pay(sub["latest_invoice"]["id"], {"payment_method": shop.card(client, customer)})
    assert (paid.status, client.v1.subscriptions.retrieve(sub["id"]).status) == ("paid", "active")


def test_a_change_of_price_is_prorated_and_may_be_billed_at_once(client: stripe.StripeClient) -> None:
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer).to_dict()
    item, bigger = sub["items"]["data"][0]["id"], shop.price(client, 5_900)
    changed = client.v1.subscriptions.update(sub["id"], {"items": [{"id": item, "price": bigger, "quantity": 2}]}).to_dict()
    assert (changed["quantity"], changed["items"]["data"][0]["price"]["id"]) == (2, bigger)
    pending = client.v1.invoice_items.list({"customer": customer, "pending": True}).data
    assert sorted(one.amount for one in pending) == [-2_900, 11_800]
    preview = client.v1.invoices.create_preview({"subscription": sub["id"]})
    assert (preview.billing_reason, preview.total, preview.id and preview.id[:12]) == ("upcoming", 20_700, "upcoming_in_")
    client.v1.subscriptions.update(sub["id"], {"items": [{"id": item, "quantity": 3}], "proration_behavior": "always_invoice"})
    newest = client.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
    assert (newest.status, newest.billing_reason, newest.total) == ("paid", "subscription_update", 8_900 + 17_700 - 11_800)


def test_it_is_canceled_now_or_later_and_paused(client: stripe.StripeClient) -> None:
    sub = shop.subscribe(client, shop.customer(client))
    later = client.v1.subscriptions.update(
        sub.id, {"cancel_at_period_end": True, "cancellation_details": {"feedback": "too_expensive"}}
    )
    assert (later.cancel_at, later.cancellation_details and later.cancellation_details.reason) == (
        NEW_YEAR + 31 * DAY,
        "cancellation_requested",
    )
    back = client.v1.subscriptions.update(sub.id, {"cancel_at_period_end": False, "pause_collection": {"behavior": "void"}})
    assert (back.cancel_at, back.pause_collection and back.pause_collection.behavior) == (None, "void")
    assert client.v1.subscriptions.update(sub.id, {"pause_collection": ""}).pause_collection is None
    gone = client.v1.subscriptions.cancel(sub.id)
    assert (gone.status, shop.told(client, sub.id)[-1]) == ("canceled", "customer.subscription.deleted")
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        client.v1.subscriptions.cancel(sub.id)


def test_a_trial_ends_at_once_when_asked_to(client: stripe.StripeClient) -> None:
    sub = shop.subscribe(client, shop.customer(client), trial_period_days=7)
    done = client.v1.subscriptions.update(sub.id, {"trial_end": "now", "expand": ["latest_invoice"]}).to_dict()
    assert (done["status"], done["latest_invoice"]["status"]) == ("active", "paid")


def test_coupons_and_promotion_take_their_share(client: stripe.StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "once", "name": "Quarter"})
    sub = shop.subscribe(
        client, shop.customer(client), discounts=[{"coupon": coupon.id}], expand=["latest_invoice", "discounts"]
    ).to_dict()
    assert (sub["latest_invoice"]["subtotal"], sub["latest_invoice"]["total"]) == (2_900, 2_175)
    assert (sub["discounts"][0]["source"]["coupon"], client.v1.coupons.retrieve(coupon.id).times_redeemed) == (coupon.id, 1)
    assert client.v1.coupons.delete(coupon.id).deleted


def test_an_invoice_is_drafted_finalized_and_paid_with_another_card(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, "pm_card_chargeCustomerFail")
    client.v1.invoice_items.create({"customer": customer, "pricing": {"price": shop.price(client, 700, None)}, "quantity": 3})
    draft = client.v1.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include", "metadata": {"po": "1"}}
    )
    assert (draft.status, draft.total, draft.number) == ("draft", 2_100, None)
    client.v1.invoices.update(draft.id, {"description": "Works", "auto_advance": False})
    final = client.v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.number and final.number[-5:]) == ("open", "-0001")
    with pytest.raises(stripe.CardError) as refused:
        client.v1.invoices.pay(draft.id)
    assert (
        refused.value.error and refused.value.error.to_dict()["payment_intent"]["last_payment_error"]["code"] == "card_declined"
    )
    other = shop.card(client, customer, "pm_card_mastercard", default=False)
    paid = client.v1.invoices.pay(draft.id, {"payment_method": other})
    assert (paid.status, paid.attempt_count, paid.amount_remaining) == ("paid", 1, 0)
    told = shop.told(client, draft.id)
    assert told == [
        "invoice.created", "invoice.updated", "invoice.finalized", "invoice.updated", "invoice.payment_failed",
        "invoice.updated", "invoice.paid", "invoice.payment_succeeded",
    ]  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(draft.id)


def test_an_invoice_is_sent_given_up_voided_or_paid_elsewhere(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)

    def sent() -> str:
        inv = client.v1.invoices.create({"customer": customer, "collection_method": "send_invoice", "days_until_due": 14})
        client.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd", "invoice": inv.id})
        done = client.v1.invoices.send_invoice(inv.id)
        assert (done.status, done.due_date) == ("open", NEW_YEAR + 14 * DAY)
        return inv.id

    lost, void, elsewhere = sent(), sent(), sent()
    assert client.v1.invoices.mark_uncollectible(lost).status == "uncollectible"
    voided = client.v1.invoices.void_invoice(void, {"expand": ["payments"]}).to_dict()
    assert (voided["status"], voided["payments"]["data"][0]["status"]) == ("void", "canceled")
    with pytest.raises(stripe.InvalidRequestError, match="status is void"):
        client.v1.invoices.void_invoice(void)
    paid = client.v1.invoices.pay(elsewhere, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 500)
    assert shop.told(client, lost)[-2:] == ["invoice.updated", "invoice.marked_uncollectible"]


def test_drafts_and_their_items_can_be_changed_and_thrown_away(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    draft = client.v1.invoices.create({"customer": customer})
    item = client.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd", "invoice": draft.id})
    client.v1.invoice_items.update(item.id, {"amount": 800})
    assert [line.amount for line in client.v1.invoices.line_items.list(draft.id).data] == [800]
    assert client.v1.invoices.retrieve(draft.id).total == 800
    client.v1.invoice_items.delete(item.id)
    assert client.v1.invoices.retrieve(draft.id).total == 0
    assert client.v1.invoices.delete(draft.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
        client.v1.invoices.retrieve(draft.id)


def test_prices_keep_their_lookup_keys_apart(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Gold", "default_price_data": {"currency": "usd", "unit_amount": 100}})
    params: Any = {"product": product.id, "currency": "usd", "unit_amount_decimal": "250", "lookup_key": f"gold_{product.id}"}
    first = client.v1.prices.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        client.v1.prices.create(params)
    second = client.v1.prices.create(params | {"transfer_lookup_key": True})
    assert [one.id for one in client.v1.prices.list({"lookup_keys": [params["lookup_key"]]}).data] == [second.id]
    assert (first.unit_amount, client.v1.prices.update(first.id, {"active": False}).active) == (250, False)
    assert client.v1.products.update(product.id, {"name": "Goldest"}).name == "Goldest"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        client.v1.products.delete(product.id)


def test_a_declined_card_says_so_by_its_code_from_when_it_is_told_to(fake: FakeStripe, client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    pm = shop.card(client, customer)
    fake.decline(pm, "insufficient_funds")
    params: Any = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": pm, "confirm": True}
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_intents.create(params)
    assert refused.value.error and refused.value.error.decline_code == "insufficient_funds"
    fake.decline(pm, None)
    assert client.v1.payment_intents.create(params).status == "succeeded"
