"""The corpus is listed, page by page, exactly as its files say; and quickly."""

import gzip
import http.client
import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from infra.local.stripe.api.reading import TYPES
from infra.local.stripe.corpus import BUNDLED
from infra.local.stripe.fake import OPENER, FakeStripe

UNLISTED = {"discount", "mandate", "bank_account", "account"}
"""Stripe lists these nowhere, or under their owner."""

MANY = 6_000

Objects = dict[tuple[str, str], dict[str, dict[str, Any]]]


def lines(name: str) -> Iterator[dict[str, Any]]:
    for line in gzip.decompress((BUNDLED / name).read_bytes()).splitlines():
        yield json.loads(line)


@pytest.fixture(scope="module")
def final() -> Objects:
    """The final state by account ('' is the platform), type and id."""
    found: Objects = defaultdict(dict)
    for line in lines("objects.jsonl.gz"):
        found[line.get("account") or "", line["object_type"]][line["id"]] = line["object"]
    return found


def get(fake: FakeStripe, path: str, account: str = "") -> dict[str, Any]:
    """By plain HTTP: the SDK itself takes ten times as long to make its objects of a page."""
    headers = {"Authorization": f"Bearer {fake.key}"} | ({"Stripe-Account": account} if account else {})
    with OPENER.open(urllib.request.Request(f"{fake.url}{path}", headers=headers), timeout=30) as response:
        found: dict[str, Any] = json.loads(response.read())
    return found


def pages(fake: FakeStripe, path: str, account: str = "", **filters: str) -> dict[str, dict[str, Any]]:
    """All of a list: by id, in the order of the pages."""
    found: dict[str, dict[str, Any]] = {}
    query = {"limit": "100", **filters}
    while True:
        answer = get(fake, f"{path}?{urlencode(query)}", account)
        found |= {one["id"]: one for one in answer["data"]}
        if not answer["has_more"]:
            return found
        query["starting_after"] = answer["data"][-1]["id"]


def test_every_type_is_listed_as_its_file_says(corpus: FakeStripe, final: Objects) -> None:
    checked = set()
    for one in TYPES:
        for account in {account for account, kind in final if kind == one.object and one.kind}:
            wanted = {id: body for id, body in final[account, one.object].items() if not body.get("deleted")}
            more = {"status": "all"} if one.object == "subscription" else {}
            assert pages(corpus, f"/v1/{one.path}", account, **more) == wanted, (one.object, account)
            checked.add(one.object)
    assert {kind for _, kind in final} - checked == UNLISTED


def test_what_has_no_list_is_found_where_stripe_has_it(corpus: FakeStripe, final: Objects) -> None:
    client = corpus.client()
    accounts = [account for account, kind in final if kind == "account"]
    assert pages(corpus, "/v1/accounts").keys() == set(accounts)
    for account in accounts:
        assert client.v1.accounts.retrieve(account).to_dict() == final[account, "account"][account]
        banks = pages(corpus, f"/v1/accounts/{account}/external_accounts")
        assert banks == final[account, "bank_account"]
        assert client.v1.accounts.retrieve_current(options={"stripe_account": account}).id == account
    for id, mandate in final["", "mandate"].items():
        assert client.v1.mandates.retrieve(id).to_dict() == mandate
    for id, discount in final["", "discount"].items():
        shown = client.v1.subscriptions.retrieve(discount["subscription"], {"expand": ["discounts"]}).to_dict()
        assert id in [one["id"] for one in shown["discounts"]]


def test_connected_accounts_are_apart(corpus: FakeStripe, final: Objects) -> None:
    client = corpus.client()
    account = next(account for account, kind in final if account and kind == "charge")
    id = next(iter(final[account, "charge"]))
    assert client.v1.charges.retrieve(id, options={"stripe_account": account}).id == id
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        client.v1.charges.retrieve(id)
    with pytest.raises(stripe.PermissionError, match="does not have access to account 'acct_none'") as refused:
        client.v1.charges.list(options={"stripe_account": "acct_none"})
    assert refused.value.error and refused.value.error.code == "account_invalid"
    assert client.v1.accounts.retrieve_current().id == json.loads((BUNDLED / "manifest.json").read_text())["account"]


def test_deleted_customers_are_tombstones(corpus: FakeStripe, final: Objects) -> None:
    deleted = [id for id, body in final["", "customer"].items() if body.get("deleted")]
    assert deleted
    for id in deleted:
        assert corpus.client().v1.customers.retrieve(id).to_dict() == final["", "customer"][id]


def test_lists_are_narrowed(corpus: FakeStripe, final: Objects) -> None:
    invoices = final["", "invoice"]
    opened = {id for id, body in invoices.items() if body["status"] == "open"}
    assert pages(corpus, "/v1/invoices", status="open").keys() == opened
    sub = next(body for body in invoices.values() if body["parent"])["parent"]["subscription_details"]["subscription"]
    of_sub = {
        id
        for id, body in invoices.items()
        if ((body["parent"] or {}).get("subscription_details") or {}).get("subscription") == sub
    }
    assert pages(corpus, "/v1/invoices", subscription=sub).keys() == of_sub
    subs = final["", "subscription"]
    assert pages(corpus, "/v1/subscriptions").keys() == {id for id, body in subs.items() if body["status"] != "canceled"}
    over = {"canceled", "incomplete_expired"}
    assert pages(corpus, "/v1/subscriptions", status="ended").keys() == {id for id, one in subs.items() if one["status"] in over}
    txns = final["", "balance_transaction"]
    fees = {id for id, body in txns.items() if body["type"] == "charge" and body["currency"] == "jpy"}
    assert pages(corpus, "/v1/balance_transactions", type="charge", currency="jpy").keys() == fees
    middle = sorted(body["created"] for body in txns.values())[len(txns) // 2]
    late = {id for id, body in txns.items() if body["created"] > middle}
    assert pages(corpus, "/v1/balance_transactions", **{"created[gt]": str(middle)}).keys() == late


def test_events_are_those_of_the_last_thirty_days(corpus: FakeStripe) -> None:
    events = list(lines("events.jsonl.gz"))
    since = corpus.now - 30 * 86_400
    wanted = [one for one in events if one["created"] >= since and "account" not in one]
    found = pages(corpus, "/v1/events")
    assert list(found.values())[::-1] == wanted
    old = next(one for one in events if one["created"] < since)
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        corpus.client().v1.events.retrieve(old["id"])
    kinds = {one["type"] for one in pages(corpus, "/v1/events", type="invoice.*").values()}
    assert kinds and all(kind.startswith("invoice.") for kind in kinds)
    two = {"types[0]": "invoice.paid", "types[1]": "charge.failed"}
    assert {one["type"] for one in pages(corpus, "/v1/events", **two).values()} == set(two.values())


def test_a_long_history_is_listed_whole(corpus: FakeStripe, final: Objects) -> None:
    charges = list(final["", "charge"].values())
    copies = [charges[n % len(charges)] | {"id": f"ch_copy{n:06}", "created": 1_700_000_000 + n // 3} for n in range(MANY)]
    for start in range(0, MANY, 2_000):
        corpus.do("objects", objects=copies[start : start + 2_000])
    found, after, more = 0, "", True
    connection = http.client.HTTPConnection("127.0.0.1", corpus.port)
    while more:
        path = f"/v1/charges?limit=100&created[lt]=1760000000{after}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {corpus.key}"})
        answer = json.loads(connection.getresponse().read())
        found, more = found + len(answer["data"]), answer["has_more"]
        after = f"&starting_after={answer['data'][-1]['id']}"
    assert found == MANY


def test_the_corpus_lives_on_when_it_is_told_to(fake: FakeStripe) -> None:
    assert fake.do("corpus", revive=True)["revived"] > 100
    before = get(fake, "/v1/invoices?limit=1")["data"][0]["created"]
    assert fake.advance(days=2) > 10
    newest = get(fake, "/v1/invoices?limit=20")["data"]
    assert newest[0]["created"] > before
    assert "paid" in {one["status"] for one in newest if one["created"] > before}


def test_a_played_corpus_is_at_every_moment_what_its_events_say(fake: FakeStripe, final: Objects) -> None:
    events = list(lines("events.jsonl.gz"))
    halves = [events[: len(events) // 2], events[len(events) // 2 :]]
    for half in halves:
        assert fake.play([one["id"] for one in half]) == len(half)
        assert half[-1]["created"] < fake.now < half[-1]["created"] + 5
        last = next(one for one in half[::-1] if one["type"] == "invoice.updated" and "account" not in one)
        assert get(fake, f"/v1/invoices/{last['data']['object']['id']}") == _as_told(half, last["data"]["object"]["id"])
    assert fake.play([one["id"] for one in events]) == 0
    deleted = next(id for id, body in final["", "customer"].items() if body.get("deleted"))
    assert get(fake, f"/v1/customers/{deleted}") == final["", "customer"][deleted]
    gone = next(one for one in events if one["type"] == "product.deleted")["data"]["object"]["id"]
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        fake.client().v1.products.retrieve(gone)
    assert fake.do("corpus/complete")["objects"] > len(events)
    assert pages(fake, "/v1/invoices") == dict(final["", "invoice"])
    assert pages(fake, "/v1/balance_transactions").keys() == final["", "balance_transaction"].keys()
    assert {(kind, json.loads(body)["id"]) for _, kind, body in fake.shelves() if kind == "event"} == {
        ("event", one["id"]) for one in events
    }
    fake.turn(None)
    assert not fake.do("state")["frozen"] and abs(fake.now - time.time()) < 600


def _as_told(events: list[dict[str, Any]], id: str) -> dict[str, Any]:
    shown: list[dict[str, Any]] = [one["data"]["object"] for one in events if one["data"]["object"].get("id") == id]
    return shown[-1]
