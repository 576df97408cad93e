"""Accounts and the balance."""

from collections import defaultdict

from infra.local.stripe.api.fields import Params
from infra.local.stripe.api.reading import takes
from infra.local.stripe.blanks import blank, list_of
from infra.local.stripe.listing import Page, page
from infra.local.stripe.routing import PLACES, route
from infra.local.stripe.unit import Obj, Unit

KIND = "AccountListParams"
PLACES["account"] = "accounts"


def platform(unit: Unit) -> Obj:
    """The account whose keys these are."""
    id = unit.settings["account"]
    made = blank("account", id=id, email="owner@example.com")
    made["external_accounts"] = list_of(f"/v1/accounts/{id}/external_accounts", [])
    made["settings"] = {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "Local Stripe", "timezone": "Etc/UTC"},
        "payments": {"statement_descriptor": None, "statement_descriptor_kana": None, "statement_descriptor_kanji": None},
    }
    return made


@route("GET", "/v1/account", needs="accounts_kyc_basic")
def own(unit: Unit, params: Params) -> Obj:
    return unit.need("account", unit.account) if unit.account else platform(unit)


@route("GET", "/v1/accounts", KIND, takes=takes(KIND), needs="connected_account")
def listed(unit: Unit, params: Params) -> Page:
    return page(unit.store.shelf("", "account"), params, "/v1/accounts")


@route("GET", "/v1/accounts/{id}", needs="accounts_kyc_basic")
def one(unit: Unit, params: Params, id: str) -> Obj:
    return platform(unit) if id == unit.settings["account"] else unit.need("account", id)


@route("GET", "/v1/balance", needs="balance")
def balance(unit: Unit, params: Params) -> Obj:
    """Sums of the balance transactions, by currency; what is not available yet is pending."""
    available: dict[str, int] = defaultdict(int)
    pending: dict[str, int] = defaultdict(int)
    for row in unit.store.shelf(unit.account, "balance_transaction").rows.values():
        facts = row.facts
        side = available if facts["available_on"] <= unit.now else pending
        side[facts["currency"]] += facts["net"]
    for currency in {*available, *pending} or {"usd"}:
        available[currency] += 0
        pending[currency] += 0
    return {"object": "balance", "available": _funds(available), "livemode": False, "pending": _funds(pending)}


def _funds(sums: dict[str, int]) -> list[Obj]:
    return [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in sorted(sums.items())
    ]
