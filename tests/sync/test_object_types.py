"""The list of Stripe's types is held to what the SDK can list and fetch."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from infra.local.stripe import schemas
from oppulence.sync.object_types import LISTED, MONEY_MOVEMENTS, TYPES, retrieve_path

SDK = Path(str(stripe.__file__)).parent
LISTED_BY_WHAT_NOBODY_KNOWS = {
    "/v1/apps/secrets", "/v1/billing/meters/{}/event_summaries", "/v1/credit_notes/preview/lines", "/v1/events",
    "/v1/financial_connections/accounts/{}/owners", "/v1/payment_intents/{}/amount_details_line_items",
    "/v1/sources/{}/source_transactions", "/v1/tax/calculations/{}/line_items", "/v1/tax/locations",
    "/v1/tax/transactions/{}/line_items",
}  # fmt: skip
THE_SAME_TYPE_ELSEWHERE = {
    "/v1/payment_links/{}/line_items", "/v1/payment_methods", "/v1/quotes/{}/computed_upfront_line_items",
    "/v1/quotes/{}/line_items", "/v1/tax_ids",
}  # fmt: skip


def _services() -> Iterator[tuple[str, str, str]]:
    """(module, method, its source) of each `list` and `retrieve` of API v1."""
    for file in sorted(SDK.rglob("_*_service.py")):
        parts = file.relative_to(SDK).with_suffix("").parts
        if "v2" in parts:
            continue
        module = importlib.import_module(".".join(("stripe", *parts)))
        for _, made in inspect.getmembers(module, inspect.isclass):
            if made.__module__ == module.__name__:
                for method in ("list", "retrieve"):
                    if method in made.__dict__:
                        yield module.__name__, method, inspect.getsource(made.__dict__[method])


def _path(source: str) -> str:
    found = re.search(r'"(/v1/[^"]*)"', source)
    assert found
    return re.sub(r"\{\w+\}", "{}", found[1])


def _params(module: str, source: str) -> dict[str, Any]:
    found = re.search(r"(\w+Params)", source)
    if found is None:
        return {}
    place = importlib.import_module(".".join(("stripe", "params", *module.split(".")[1:-1])))
    return dict(getattr(place, found[1]).__annotations__)


SERVICES = list(_services())
LISTS = {_path(source): _params(module, source) for module, method, source in SERVICES if method == "list"}
RETRIEVES = {_path(source) for _, method, source in SERVICES if method == "retrieve"}


def test_every_list_of_the_sdk_is_a_type_or_said_not_to_be() -> None:
    ours = {re.sub(r"\{\w+\}", "{}", one.path) for one in TYPES.values() if one.path}
    assert LISTS.keys() - ours == LISTED_BY_WHAT_NOBODY_KNOWS | THE_SAME_TYPE_ELSEWHERE
    assert ours <= LISTS.keys()


@pytest.mark.parametrize("name", LISTED)
def test_a_listing_takes_what_we_send(name: str) -> None:
    one = TYPES[name]
    known = LISTS[re.sub(r"\{\w+\}", "{}", one.path)]
    assert ("created" in known) == (one.created == "filter")
    assert {key for key, _ in one.params} <= known.keys()
    assert ({"limit", "starting_after"} <= known.keys()) == one.paged
    if one.parent and "{parent}" not in one.path:
        assert one.parent.parameter in known


@pytest.mark.parametrize("name", [name for name, one in TYPES.items() if one.one])
def test_what_can_be_fetched_has_its_place_in_the_sdk(name: str) -> None:
    path = re.sub(r"\{\w+\}", "{}", TYPES[name].one)
    assert path in RETRIEVES or path.replace("/v1/payment_methods/", "/v1/customers/{}/payment_methods/") in RETRIEVES


@pytest.mark.parametrize("name", TYPES)
def test_types_are_named_as_published_and_come_after_their_parents(name: str) -> None:
    one, names = TYPES[name], list(TYPES)
    if one.parent:
        assert names.index(one.parent.type) < names.index(name)
    assert {kind for _, kind in one.related} <= TYPES.keys()
    schema = schemas.document()["schemas"].get(name, {}).get("properties", {})
    if not schema:
        return  # younger than the schemas
    if one.created == "field":
        assert "created" in schema
    assert {field for field, _ in one.related} <= schema.keys() | {
        "invoice",
        "charge",
        "payment_intent",
        "subscription",
        "coupon",
    }
    if one.parent and one.parent.embedded:
        parent = schemas.document()["schemas"][one.parent.type]["properties"]
        assert "has_more" in parent[one.parent.embedded]["properties"]


def test_money_movements_are_listed() -> None:
    assert set(MONEY_MOVEMENTS) <= set(LISTED)


@pytest.mark.parametrize(
    ("name", "id", "known", "path"),
    [
        ("checkout.session", "cs_1", None, "/v1/checkout/sessions/cs_1"),
        ("balance", "balance", None, "/v1/balance"),
        ("tax_id", "txi_1", {"customer": "cus_1"}, "/v1/customers/cus_1/tax_ids/txi_1"),
        ("tax_id", "txi_1", {"customer": {"id": "cus_1"}}, "/v1/customers/cus_1/tax_ids/txi_1"),
        ("tax_id", "txi_1", None, None),
        ("bank_account", "ba_1", {"account": None}, None),
        ("line_item", "il_1", None, None),
        ("discount", "di_1", None, None),
    ],
)
def test_where_an_object_is_fetched(name: str, id: str, known: dict[str, Any] | None, path: str | None) -> None:
    assert retrieve_path(name, id, known) == path
