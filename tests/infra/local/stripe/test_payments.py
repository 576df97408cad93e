"""Customers, cards, payments, setups and refunds, by the SDK; every answer is checked against the published schemas."""

from typing import Any

import pytest
import stripe

from infra.local.stripe.fake import FakeStripe
from tests.infra.local.stripe import shop


def test_a_customer_is_made_changed_and_deleted(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {"email": "a@example.com", "metadata": {"crm": "7", "old": "x"}, "address": {"country": "DE"}}
    )
    client.v1.customers.update(made.id, {"metadata": {"old": "", "new": "y"}, "name": "Ada"})
    kept = client.v1.customers.retrieve(made.id).to_dict()
    assert (kept["metadata"], kept["name"], kept["address"]["country"]) == ({"crm": "7", "new": "y"}, "Ada", "DE")
    assert client.v1.customers.delete(made.id).deleted
    assert client.v1.customers.retrieve(made.id).to_dict() == {"id": made.id, "object": "customer", "deleted": True}
    assert made.id not in [one.id for one in client.v1.customers.list({"limit": 100}).data]
    assert shop.told(client, made.id) == ["customer.created", "customer.updated", "customer.deleted"]


def test_an_update_tells_what_was_before_and_nothing_when_nothing_changed(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"name": "Ada", "metadata": {"a": "1"}})
    client.v1.customers.update(made.id, {"name": "Ada"})
    client.v1.customers.update(made.id, {"name": "Bea", "metadata": {"b": "2"}})
    event = client.v1.events.list({"type": "customer.updated", "limit": 1}).data[0].to_dict()
    assert event["data"]["previous_attributes"] == {"metadata": {"b": None}, "name": "Ada"}
    assert event["request"]["id"].startswith("req_") and event["request"]["idempotency_key"]
    assert (event["api_version"], shop.told(client, made.id)) == ("2026-05-27.dahlia", ["customer.created", "customer.updated"])


def test_a_card_is_attached_updated_and_detached_for_good(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    pm = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "5555555555554444", "exp_month": 3, "exp_year": 2031}}
    )
    client.v1.payment_methods.attach(pm.id, {"customer": customer})
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": pm.id}})
    assert [one.id for one in client.v1.customers.payment_methods.list(customer).data] == [pm.id]
    changed = client.v1.payment_methods.update(pm.id, {"card": {"exp_year": 2032}, "billing_details": {"name": "Ada"}})
    assert changed.card and (changed.card.exp_year, changed.billing_details.name) == (2032, "Ada")
    assert client.v1.payment_methods.detach(pm.id).customer is None
    settings = client.v1.customers.retrieve(customer).to_dict()["invoice_settings"]
    assert settings["default_payment_method"] is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(pm.id, {"customer": customer})


@pytest.mark.parametrize(
    ("token", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ],
)
def test_test_cards_decline_as_published(client: stripe.StripeClient, token: str, code: str, decline: str) -> None:
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_intents.create({"amount": 1_000, "currency": "usd", "payment_method": token, "confirm": True})
    assert refused.value.error
    error = refused.value.error.to_dict()
    assert (refused.value.http_status, error["code"], error["decline_code"], error["type"]) == (402, code, decline, "card_error")
    intent = client.v1.payment_intents.retrieve(error["payment_intent"]["id"], {"expand": ["latest_charge"]}).to_dict()
    assert (intent["status"], intent["latest_charge"]["status"]) == ("requires_payment_method", "failed")
    assert shop.told(client, intent["id"]) == ["payment_intent.created", "payment_intent.payment_failed"]
    assert shop.told(client, error["charge"]) == ["charge.failed"]


def test_a_card_that_declines_cannot_be_attached_but_one_may_fail_later(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    with pytest.raises(stripe.CardError):
        shop.card(client, customer, "pm_card_chargeDeclined")
    pm = shop.card(client, customer, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "customer": customer, "payment_method": pm, "confirm": True, "off_session": True}
        )


def test_wrong_numbers_are_refused(client: stripe.StripeClient) -> None:
    for card, code in (({"number": "4242424242424241"}, "incorrect_number"), ({"exp_month": 13}, "invalid_expiry_month")):
        whole: Any = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030} | card
        with pytest.raises(stripe.CardError) as refused:
            client.v1.payment_methods.create({"type": "card", "card": whole})
        assert refused.value.code == code


def test_a_payment_moves_money_less_the_fee(client: stripe.StripeClient) -> None:
    before = sum(one.amount for one in client.v1.balance.retrieve().pending if one.currency == "usd")
    made = client.v1.payment_intents.create(
        {
            "amount": 10_000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "expand": ["latest_charge.balance_transaction"],
        }
    ).to_dict()
    txn = made["latest_charge"]["balance_transaction"]
    assert (made["status"], txn["fee"], txn["net"], txn["type"]) == ("succeeded", 320, 9_680, "charge")
    after = sum(one.amount for one in client.v1.balance.retrieve().pending if one.currency == "usd")
    assert after - before == 9_680


def test_money_is_held_taken_and_let_go(client: stripe.StripeClient) -> None:
    params: Any = {
        "amount": 5_000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "capture_method": "manual",
    }
    held = client.v1.payment_intents.create(params)
    assert (held.status, held.amount_capturable) == ("requires_capture", 5_000)
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 4_000})
    assert (taken.status, taken.amount_received) == ("succeeded", 4_000)
    other = client.v1.payment_intents.create(params)
    assert client.v1.payment_intents.cancel(other.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="has a status of canceled") as refused:
        client.v1.payment_intents.capture(other.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_3d_secure_waits_for_the_customer(fake: FakeStripe, client: stripe.StripeClient) -> None:
    params: Any = {"amount": 900, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True}
    made = client.v1.payment_intents.create(params)
    assert (made.status, made.next_action and made.next_action.type) == ("requires_action", "use_stripe_sdk")
    assert fake.authenticate(made.id)["status"] == "succeeded"
    other = client.v1.payment_intents.create(params)
    refused = fake.authenticate(other.id, passed=False)
    assert refused["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    with pytest.raises(stripe.CardError) as error:
        client.v1.payment_intents.create(params | {"off_session": True})
    assert error.value.code == "authentication_required"


def test_a_card_set_up_for_use_off_session_asks_no_more(fake: FakeStripe, client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    setup = client.v1.setup_intents.create(
        {"customer": customer, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True}
    )
    assert setup.status == "requires_action"
    fake.do(f"setup_intents/{setup.id}/authenticate")
    done = client.v1.setup_intents.retrieve(setup.id)
    assert done.status == "succeeded"
    paid = client.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "usd",
            "customer": customer,
            "payment_method": str(done.payment_method),
            "confirm": True,
            "off_session": True,
        }
    )
    assert paid.status == "succeeded"


def test_a_setup_is_refused_and_canceled(client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    with pytest.raises(stripe.CardError) as refused:
        client.v1.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_chargeDeclinedStolenCard", "confirm": True}
        )
    assert refused.value.error and refused.value.error.to_dict()["setup_intent"]["status"] == "requires_payment_method"
    waiting = client.v1.setup_intents.create({"customer": customer})
    assert client.v1.setup_intents.update(waiting.id, {"metadata": {"a": "b"}}).metadata
    assert client.v1.setup_intents.cancel(waiting.id).status == "canceled"


def test_refunds_add_up_to_the_charge(client: stripe.StripeClient) -> None:
    paid = client.v1.payment_intents.create(
        {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    first = client.v1.refunds.create({"payment_intent": paid.id, "amount": 300, "metadata": {"why": "late"}})
    client.v1.refunds.create({"charge": str(paid.latest_charge)})
    client.v1.refunds.update(first.id, {"metadata": {"by": "bo"}})
    charge = client.v1.charges.retrieve(str(paid.latest_charge), {"expand": ["refunds"]}).to_dict()
    assert (charge["refunded"], charge["amount_refunded"], len(charge["refunds"]["data"])) == (True, 1_000, 2)
    assert [one.amount for one in client.v1.refunds.list({"charge": charge["id"]}).data] == [700, 300]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    assert shop.told(client, first.id) == ["refund.created", "refund.updated"]


def test_a_dispute_takes_the_money_and_may_bring_it_back(fake: FakeStripe, client: stripe.StripeClient) -> None:
    paid = client.v1.payment_intents.create(
        {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    dispute = fake.do("disputes", charge=paid.latest_charge, reason="duplicate")
    won = fake.do(f"disputes/{dispute['id']}/close", outcome="won")
    assert (won["status"], sum(txn["net"] for txn in won["balance_transactions"])) == ("won", 0)
    assert shop.told(client, dispute["id"]) == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated", "charge.dispute.closed",
    ]  # fmt: skip


def test_checkout_pages_take_a_card(fake: FakeStripe, client: stripe.StripeClient) -> None:
    line: Any = {"price": shop.price(client, 4_000, None), "quantity": 2}
    made = client.v1.checkout.sessions.create({"mode": "payment", "line_items": [line], "success_url": "https://example.com/ok"})
    assert made.url and (made.status, made.amount_total) == ("open", 8_000)
    assert fake.fill_page(made.url, payment_method="4000000000000002") == 402
    assert fake.fill_page(made.url, payment_method="4242424242424242", email="new@example.com") == 303
    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["customer", "payment_intent", "line_items"]}).to_dict()
    assert (done["status"], done["payment_status"], done["customer"]["email"]) == ("complete", "paid", "new@example.com")
    assert (done["payment_intent"]["status"], done["line_items"]["data"][0]["quantity"]) == ("succeeded", 2)
    assert shop.told(client, made.id) == ["checkout.session.completed"]


def test_checkout_sets_up_and_subscribes_and_expires(fake: FakeStripe, client: stripe.StripeClient) -> None:
    customer = shop.customer(client, None)
    setup = client.v1.checkout.sessions.create({"mode": "setup", "customer": customer, "currency": "usd"})
    assert fake.fill_page(str(setup.url), payment_method="pm_card_mastercard") == 200
    assert len(client.v1.customers.payment_methods.list(customer).data) == 1
    line: Any = {"price": shop.price(client), "quantity": 1}
    begun = client.v1.checkout.sessions.create({"mode": "subscription", "customer": customer, "line_items": [line]})
    assert fake.fill_page(str(begun.url), payment_method="pm_card_visa") == 200
    done = client.v1.checkout.sessions.retrieve(begun.id, {"expand": ["subscription.latest_invoice"]}).to_dict()
    assert (done["subscription"]["status"], done["subscription"]["latest_invoice"]["status"]) == ("active", "paid")
    other = client.v1.checkout.sessions.create({"mode": "subscription", "line_items": [line]})
    assert client.v1.checkout.sessions.expire(other.id).status == "expired"


def test_the_portal_changes_the_card_and_ends_a_subscription(fake: FakeStripe, client: stripe.StripeClient) -> None:
    customer = shop.customer(client)
    sub = shop.subscribe(client, customer)
    session = client.v1.billing_portal.sessions.create({"customer": customer, "return_url": "https://example.com/back"})
    assert fake.fill_page(session.url, payment_method="pm_card_chargeDeclined") == 402
    assert fake.fill_page(session.url, payment_method="5555555555554444") == 303
    settings = client.v1.customers.retrieve(customer, {"expand": ["invoice_settings.default_payment_method"]}).to_dict()[
        "invoice_settings"
    ]
    assert settings["default_payment_method"]["card"]["brand"] == "mastercard"
    assert fake.fill_page(session.url, cancel_subscription=sub.id) == 303
    assert client.v1.subscriptions.retrieve(sub.id).cancel_at_period_end
