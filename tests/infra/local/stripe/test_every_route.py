"""Each route is answered at least once to the SDK's own call for it, with a body of the published shape.

The fake refuses to send what its schemas do not allow, so an answer is the proof.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import stripe

from infra.local.stripe import api, params
from infra.local.stripe.api import rare
from infra.local.stripe.fake import FakeStripe
from infra.local.stripe.routing import ROUTES
from tests.infra.local.stripe import shop
from tests.infra.local.stripe.conftest import NEW_YEAR
from tests.infra.local.stripe.samples import sample

Call = Callable[[], Any]
NOWHERE = {
    "GET /v1/charges/{id}/refunds",
    "GET /v1/charges/{id}/refunds/{inner}",
    "GET /v1/customers/{id}/subscriptions",
    "GET /v1/customers/{id}/subscriptions/{inner}",
}
"""Served for older clients; this SDK has no call for them."""

NEVER_MADE = {f"GET /v1/{one.path}/{{id}}" for one in rare.TYPES} | {
    f"GET /v1/{owner}/{{id}}/{owned}/{{inner}}"
    for owner, owned in (
        ("accounts", "capabilities"),
        ("accounts", "persons"),
        ("application_fees", "refunds"),
        ("customers", "balance_transactions"),
        ("customers", "cash_balance_transactions"),
        ("customers", "sources"),
        ("products", "features"),
        ("transfers", "reversals"),
    )
}
"""Objects of types whose lists are empty here."""

READ_ONLY = (
    "application_fee", "credit_note", "mandate", "payout", "promotion_code", "quote", "radar.early_fraud_warning", "review",
    "subscription_schedule", "tax_rate", "topup", "transfer",
)  # fmt: skip


def test_every_route_is_served_to_the_sdk(fake: FakeStripe) -> None:
    assert api.__all__
    client = fake.client()
    before = fake.do("state")["answered"]
    fake.do("objects", objects=[account()])
    for call in calls(fake, client):
        call()
    after = fake.do("state")["answered"]
    served = {name for name, count in after.items() if count > before.get(name, 0)}
    missing = {f"{one.method} {one.path}" for one in ROUTES} - served - NOWHERE - NEVER_MADE
    assert not missing


def empty(client: stripe.StripeClient, customer: str) -> Iterator[Call]:
    """Lists of what is never made here; ids that they need are of anything."""
    for one in rare.TYPES:
        needed = dict.fromkeys(params.required(one.kind or ""), "x")
        yield partial(client.raw_request, "get", f"/v1/{one.path}", **needed)
    v1: Any = client.v1
    product = v1.products.create({"name": "Plain"}).id
    yield lambda: v1.accounts.capabilities.list("acct_1Connected")
    yield lambda: v1.accounts.persons.list("acct_1Connected")
    yield lambda: v1.application_fees.refunds.list(sample("application_fee")["id"])
    yield lambda: v1.customers.balance_transactions.list(customer)
    yield lambda: v1.customers.cash_balance_transactions.list(customer)
    yield lambda: v1.customers.payment_sources.list(customer)
    yield lambda: v1.products.features.list(product)
    yield lambda: v1.transfers.reversals.list(sample("transfer")["id"])


def account() -> dict[str, Any]:
    """A connected account with a bank account."""
    return {"id": "acct_1Connected", "object": "account", "type": "express", "created": NEW_YEAR}


def calls(fake: FakeStripe, client: stripe.StripeClient) -> Iterator[Call]:
    v1 = client.v1
    customer = shop.customer(client)
    yield from customers(v1, customer)
    yield from money(fake, v1, customer)
    yield from catalog(v1)
    yield from subscriptions(fake, client, customer)
    yield from invoices(v1, customer, shop.price(client, 500, None))
    yield from sessions(client, customer)
    yield from platform(fake, v1)
    yield from thin_events(client)
    yield from reads(fake, client, customer)
    yield from empty(client, customer)


def customers(v1: Any, customer: str) -> Iterator[Call]:
    other = v1.customers.create({"name": "Other"}).id
    tax = v1.customers.tax_ids.create(other, {"type": "eu_vat", "value": "DE123456789"}).id
    yield lambda: v1.customers.tax_ids.list(other)
    yield lambda: v1.customers.tax_ids.retrieve(other, tax)
    yield lambda: v1.tax_ids.list()
    yield lambda: v1.tax_ids.retrieve(tax)
    yield lambda: v1.customers.tax_ids.delete(other, tax)
    yield lambda: v1.customers.delete(other)
    pm = v1.payment_methods.create({"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}).id
    yield lambda: v1.payment_methods.attach(pm, {"customer": customer})
    yield lambda: v1.payment_methods.update(pm, {"metadata": {"a": "b"}})
    yield lambda: v1.payment_methods.retrieve(pm)
    yield lambda: v1.payment_methods.list()
    yield lambda: v1.customers.payment_methods.list(customer)
    yield lambda: v1.customers.payment_methods.retrieve(customer, pm)
    yield lambda: v1.payment_methods.detach(pm)
    setup = v1.setup_intents.create({"customer": customer}).id
    yield lambda: v1.setup_intents.update(setup, {"description": "x"})
    yield lambda: v1.setup_intents.confirm(setup, {"payment_method": "pm_card_visa"})
    yield lambda: v1.setup_intents.cancel(v1.setup_intents.create({}).id)


def money(fake: FakeStripe, v1: Any, customer: str) -> Iterator[Call]:
    params = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa"}
    intent = v1.payment_intents.create(params | {"customer": customer}).id
    yield lambda: v1.payment_intents.update(intent, {"description": "x"})
    yield lambda: v1.payment_intents.confirm(intent)
    held = v1.payment_intents.create(params | {"confirm": True, "capture_method": "manual"}).id
    yield lambda: v1.payment_intents.capture(held)
    yield lambda: v1.payment_intents.cancel(v1.payment_intents.create(params).id)
    yield lambda: v1.charges.update(v1.payment_intents.retrieve(intent).latest_charge, {"description": "y"})
    yield lambda: v1.refunds.update(v1.refunds.create({"payment_intent": intent}).id, {"metadata": {"a": "b"}})
    dispute = fake.do("disputes", charge=v1.payment_intents.retrieve(held).latest_charge)["id"]
    yield lambda: v1.disputes.update(dispute, {"evidence": {"product_description": "Gold"}, "submit": False})
    yield lambda: v1.disputes.close(dispute)
    yield lambda: v1.balance.retrieve()


def catalog(v1: Any) -> Iterator[Call]:
    product = v1.products.create({"name": "Silver"}).id
    price = v1.prices.create({"product": product, "currency": "usd", "unit_amount": 100, "recurring": {"interval": "year"}}).id
    yield lambda: v1.products.update(product, {"default_price": price})
    yield lambda: v1.prices.update(price, {"nickname": "yearly"})
    yield lambda: v1.products.delete(v1.products.create({"name": "None"}).id)
    yield lambda: v1.coupons.delete(v1.coupons.create({"percent_off": 5}).id)


def subscriptions(fake: FakeStripe, client: stripe.StripeClient, customer: str) -> Iterator[Call]:
    v1: Any = client.v1
    sub = shop.subscribe(client, customer).to_dict()
    yield lambda: v1.subscriptions.update(sub["id"], {"metadata": {"a": "b"}})
    yield lambda: v1.subscription_items.list({"subscription": sub["id"]})
    yield lambda: v1.subscription_items.retrieve(sub["items"]["data"][0]["id"])
    yield lambda: v1.invoices.create_preview({"subscription": sub["id"]})
    yield lambda: v1.subscriptions.resume(v1.subscriptions.pause(sub["id"]).id)
    yield lambda: v1.subscriptions.cancel(shop.subscribe(client, customer).id)
    bare = shop.customer(client, None)
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    paused = shop.subscribe(client, bare, trial_period_days=1, trial_settings=settings)
    yield lambda: fake.advance(days=2)
    yield lambda: shop.card(client, bare)
    yield lambda: v1.subscriptions.resume(paused.id)


def invoices(v1: Any, customer: str, price: str) -> Iterator[Call]:
    def draft(**more: Any) -> str:
        made = v1.invoices.create({"customer": customer, **more}).id
        v1.invoice_items.create({"customer": customer, "pricing": {"price": price}, "invoice": made})
        return str(made)

    item = v1.invoice_items.create({"customer": customer, "amount": 100, "currency": "usd"}).id
    yield lambda: v1.invoice_items.update(item, {"description": "x"})
    yield lambda: v1.invoice_items.retrieve(item)
    yield lambda: v1.invoice_items.list()
    yield lambda: v1.invoice_items.delete(item)
    yield lambda: v1.invoices.update(draft(), {"description": "x"})
    yield lambda: v1.invoices.line_items.list(draft())
    yield lambda: v1.invoices.delete(draft())
    yield lambda: v1.invoices.pay(v1.invoices.finalize_invoice(draft()).id)
    sent = {"collection_method": "send_invoice", "days_until_due": 1}
    yield lambda: v1.invoices.mark_uncollectible(v1.invoices.send_invoice(draft(**sent)).id)
    yield lambda: v1.invoices.void_invoice(v1.invoices.send_invoice(draft(**sent)).id)


def sessions(client: stripe.StripeClient, customer: str) -> Iterator[Call]:
    v1: Any = client.v1
    session = v1.checkout.sessions.create({"mode": "payment", "line_items": [{"price": shop.price(client, 100, None)}]}).id
    yield lambda: v1.checkout.sessions.line_items.list(session)
    yield lambda: v1.checkout.sessions.expire(session)
    yield lambda: v1.billing_portal.sessions.create({"customer": customer})


def platform(fake: FakeStripe, v1: Any) -> Iterator[Call]:
    endpoint = v1.webhook_endpoints.create({"url": "https://example.com/hook", "enabled_events": ["charge.failed"]}).id
    yield lambda: v1.webhook_endpoints.update(endpoint, {"description": "x"})
    yield lambda: v1.webhook_endpoints.retrieve(endpoint)
    yield lambda: v1.webhook_endpoints.list()
    yield lambda: v1.webhook_endpoints.delete(endpoint)
    clock = v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR}).id
    yield lambda: v1.test_helpers.test_clocks.retrieve(clock)
    yield lambda: v1.test_helpers.test_clocks.list()
    yield lambda: v1.test_helpers.test_clocks.advance(clock, {"frozen_time": NEW_YEAR + 1})
    yield lambda: v1.test_helpers.test_clocks.delete(clock)
    yield lambda: v1.accounts.retrieve_current()
    yield lambda: v1.accounts.retrieve("acct_1Connected")
    yield lambda: v1.accounts.list()
    event = v1.events.list({"limit": 1}).data[0].id
    yield lambda: v1.events.retrieve(event)


def thin_events(client: stripe.StripeClient) -> Iterator[Call]:
    core: Any = client.v2.core
    params = {"name": "thin", "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": ["v1.product.created"]}
    made = core.event_destinations.create(params | {"webhook_endpoint": {"url": "https://example.com/thin"}}).id
    client.v1.products.create({"name": "Thin"})
    yield lambda: core.event_destinations.list()
    yield lambda: core.event_destinations.disable(made)
    yield lambda: core.event_destinations.enable(made)
    yield lambda: core.event_destinations.retrieve(made)
    yield lambda: core.events.retrieve(core.events.list().data[0].id)
    yield lambda: core.event_destinations.delete(made)


def reads(fake: FakeStripe, client: stripe.StripeClient, customer: str) -> Iterator[Call]:
    """What is read only, and so was put on the shelves as the corpus has it; then every list, object and search."""
    for kind in READ_ONLY:
        fake.do("objects", objects=[sample(kind)])
    fake.do("objects", objects=[sample("bank_account") | {"account": "acct_1Connected"}])
    v1: Any = client.v1
    yield lambda: v1.accounts.external_accounts.list("acct_1Connected", {"object": "bank_account"})
    yield lambda: v1.accounts.external_accounts.retrieve("acct_1Connected", sample("bank_account")["id"])
    yield lambda: v1.credit_notes.line_items.list(sample("credit_note")["id"])
    yield lambda: v1.mandates.retrieve(sample("mandate")["id"])
    names = (
        "application_fees balance_transactions charges checkout.sessions coupons credit_notes customers disputes invoices"
        " invoice_payments payment_intents payouts plans prices products promotion_codes quotes radar.early_fraud_warnings"
        " refunds reviews setup_intents subscriptions subscription_schedules tax_rates topups transfers"
    )
    client.v1.coupons.create({"percent_off": 5})
    for name in names.split():
        service: Any = v1
        for part in name.split("."):
            service = getattr(service, part)
        found = service.list({"limit": 1}).data[0].id
        yield partial(service.retrieve, found)
        if hasattr(service, "search"):
            yield partial(service.search, {"query": "created>1"})
