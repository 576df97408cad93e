"""The API's routes; importing this registers them all."""

from infra.local.stripe.api import (
    accounts,
    catalog,
    checkout,
    clocks,
    customers,
    disputes,
    endpoints,
    invoices,
    payments,
    portal,
    rare,
    reading,
    setups,
    subscriptions,
    thin_events,
)

__all__ = [
    "accounts", "catalog", "checkout", "clocks", "customers", "disputes", "endpoints", "invoices", "payments", "portal",
    "rare", "reading", "setups", "subscriptions", "thin_events",
]  # fmt: skip
