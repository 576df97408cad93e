"""Customers, cards and prices as tests need them, made through the SDK."""

import json
from typing import Any

import stripe


def price(client: stripe.StripeClient, amount: int = 2_900, interval: str | None = "month") -> str:
    """A price in cents; one-time without an interval."""
    product = client.v1.products.create({"name": "Gold"})
    params: Any = {"product": product.id, "currency": "usd", "unit_amount": amount}
    if interval:
        params["recurring"] = {"interval": interval}
    return client.v1.prices.create(params).id


def card(client: stripe.StripeClient, customer: str, token: str = "pm_card_visa", *, default: bool = True) -> str:
    """A card saved to a customer."""
    pm = client.v1.payment_methods.attach(token, {"customer": customer}).id
    if default:
        client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": pm}})
    return pm


def customer(client: stripe.StripeClient, token: str | None = "pm_card_visa") -> str:
    made = client.v1.customers.create({"email": "ada@example.com", "name": "Ada Rao"}).id
    if token:
        card(client, made, token)
    return made


def subscribe(client: stripe.StripeClient, of: str, **more: Any) -> stripe.Subscription:
    params: Any = {"customer": of, "items": [{"price": more.pop("price", None) or price(client)}], **more}
    return client.v1.subscriptions.create(params)


def told(client: stripe.StripeClient, about: str) -> list[str]:
    """Types of the events about one object, oldest first."""
    found: list[str] = []
    query: Any = {"limit": 100}
    while True:
        page = json.loads(client.raw_request("get", "/v1/events", **query).body)
        found += [event["type"] for event in page["data"] if event["data"]["object"].get("id") == about]
        if not page["has_more"]:
            return found[::-1]
        query["starting_after"] = page["data"][-1]["id"]
