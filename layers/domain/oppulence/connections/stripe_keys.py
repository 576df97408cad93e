"""Is this API key good for what the platform does with it? Asked at Stripe, before a key is stored and whenever it is checked.

A full key may do everything. A restricted one is tried at each thing that a feature needs: reading by a list of one, writing by
a request without parameters, which Stripe refuses for that reason only after it has looked at the permission.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from oppulence.connections.errors import (
    KeyLacksPermissions,
    KeyOfAnotherMode,
    KeyRefusedAtStripe,
    ProviderKeyRefused,
    ProviderObjectMissing,
    ProviderRefused,
)
from oppulence.connections.stripe_gateway import StripeGateway
from oppulence.kernel.ids import new_id

RESTRICTED = "rk_"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a feature does at Stripe; `resource` is what Stripe's dashboard calls it."""

    feature: str
    resource: str
    path: str
    write: bool = False


ACCOUNT = Need("connection", "Accounts", "/v1/account")
ENDPOINTS = Need("webhooks", "Webhook Endpoints", "/v1/webhook_endpoints", write=True)
CONNECTED = Need("connect", "Connected accounts", "/v1/accounts")
MIRRORED = tuple(
    Need("sync", resource, f"/v1/{path}")
    for resource, path in (
        ("Balance Transactions", "balance_transactions"), ("Charges and Refunds", "charges"),
        ("Checkout Sessions", "checkout/sessions"), ("Coupons", "coupons"), ("Credit Notes", "credit_notes"),
        ("Customers", "customers"), ("Disputes", "disputes"), ("Events", "events"), ("Invoices", "invoices"),
        ("PaymentIntents", "payment_intents"), ("Payment Methods", "payment_methods"), ("Payouts", "payouts"),
        ("Plans and Prices", "prices"), ("Products", "products"), ("Promotion Codes", "promotion_codes"),
        ("SetupIntents", "setup_intents"), ("Subscriptions", "subscriptions"), ("Tax Rates", "tax_rates"),
        ("Top-ups", "topups"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """Whose key it is."""

    id: str
    name: str | None
    country: str | None
    currency: str | None


def needs(*, connect: bool, registers: bool) -> Iterator[Need]:
    """What a key needs: all read what is mirrored; one that registers endpoints writes those, a platform's lists its accounts."""
    yield from MIRRORED
    if registers:
        yield ENDPOINTS
    if connect:
        yield CONNECTED


def check_mode(key: str, workspace_mode: str) -> None:
    """A live workspace has live keys, every other one test keys.

    Raises:
        KeyOfAnotherMode
    """
    if ("_live_" in key) != (workspace_mode == "live"):
        wanted = "live" if workspace_mode == "live" else "test"
        raise KeyOfAnotherMode(f"This is a {workspace_mode} workspace: give it a key of Stripe's {wanted} mode.", param="api_key")


def check(gateway: StripeGateway, *, connect: bool, registers: bool) -> Account:
    """Whose key it is, once it has shown that it may do all that is needed.

    Raises:
        KeyRefusedAtStripe, KeyLacksPermissions: with every permission that it lacks.
        ProviderBusy, ProviderUnavailable: Stripe cannot say at the moment.
    """
    lacking: list[tuple[Need, str]] = []
    account: Account | None = None
    try:
        account = _account(gateway)
    except ProviderKeyRefused as refused:
        if refused.permission is None:
            raise KeyRefusedAtStripe(refused.message, param="api_key") from refused
        lacking.append((ACCOUNT, refused.permission))
    if gateway.key.startswith(RESTRICTED):
        wanted = needs(connect=connect, registers=registers)
        lacking += [(need, permission) for need in wanted if (permission := _lacks(gateway, need))]
    if account is None or lacking:
        raise _lacking(lacking)
    return account


def _account(gateway: StripeGateway) -> Account:
    found = gateway.get(ACCOUNT.path).json()
    dashboard = (found.get("settings") or {}).get("dashboard") or {}
    name = dashboard.get("display_name") or (found.get("business_profile") or {}).get("name")
    return Account(found["id"], name, found.get("country"), (found.get("default_currency") or "").upper() or None)


def _lacks(gateway: StripeGateway, need: Need) -> str | None:
    """The permission that the key lacks for this, if it does."""
    try:
        if need.write:
            gateway.post(need.path, {}, idempotency_key=new_id("probe"))
        else:
            gateway.get(need.path, {"limit": 1})
    except ProviderKeyRefused as refused:
        return refused.permission or f"{need.resource}: {'write' if need.write else 'read'}"
    except (ProviderRefused, ProviderObjectMissing):
        return None  # it got past the permission
    return None


def _lacking(lacking: list[tuple[Need, str]]) -> KeyLacksPermissions:
    missing = [
        {
            "permission": permission,
            "resource": need.resource,
            "access": "write" if need.write else "read",
            "feature": need.feature,
        }
        for need, permission in lacking
    ]
    told = ", ".join(f"{one['resource']} ({one['access']})" for one in missing)
    return KeyLacksPermissions(
        f"The restricted key lacks {told}. Add these at https://dashboard.stripe.com/apikeys and send the request again.",
        param="api_key", missing_permissions=missing,
    )  # fmt: skip
