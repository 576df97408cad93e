"""GET /v1/ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel.events import Event
from oppulence.sync import events
from tests.ledger.facts import CONSUMERS, fact
from tests.support import entries
from tests.support.api import Api
from tests.support.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)


def tell_at(world: World, at: datetime, told: events.Fact, workspace_id: str | None = None) -> None:
    event: Event = told
    envelope = entries.envelope(workspace_id or world.workspace_id, event, occurred_at=at)
    assert world.deliver(CONSUMERS[type(told)], envelope) == []


@pytest.fixture
def reader(api: Api) -> Api:
    return api.as_key(scopes=["ledger:read"])


@pytest.fixture
def three(world: World) -> None:
    """An invoice, its payment an hour later, and a payout of a connected account in EUR a day later."""
    tell_at(world, START, fact(events.InvoiceFinalized, provider_event_id="evt_a"))
    tell_at(
        world, START + timedelta(hours=1),
        fact(events.PaymentSucceeded, object_id="pi_1", invoice_id="in_1", provider_event_id="evt_b"),
    )  # fmt: skip
    payout = {"object_id": "po_1", "provider_event_id": "evt_c", "currency": "EUR", "account": "acct_1", "amount_minor": 5}
    tell_at(world, START + timedelta(days=1), fact(events.PayoutCreated, **payout))


def test_entries_come_with_their_postings_latest_first(reader: Api, three: None) -> None:
    answer = reader.get("/v1/ledger")
    assert answer.status == 200
    assert [entry["source_event_id"] for entry in answer.body["data"]] == ["evt_c", "evt_b", "evt_a"]
    entry = answer.body["data"][2]
    assert entry.pop("id").startswith("je_")
    assert entry == {
        "posted_at": "2026-01-01T00:00:00Z",
        "description": "Invoice in_1 finalized",
        "source_event_id": "evt_a",
        "postings": [
            {"account": "receivable", "direction": "debit", "amount_minor": 10_700, "currency": "USD"},
            {"account": "revenue", "direction": "credit", "amount_minor": 10_000, "currency": "USD"},
            {"account": "tax", "direction": "credit", "amount_minor": 700, "currency": "USD"},
        ],
    }
    assert answer.body["pagination"] == {"has_more": False, "next_cursor": None}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"account": "receivable"}, ["evt_b", "evt_a"]),
        ({"account": "bank"}, ["evt_c"]),
        ({"account": "fees"}, []),
        ({"currency": "USD"}, ["evt_b", "evt_a"]),
        ({"currency": "EUR", "account": "stripe_clearing"}, ["evt_c"]),
        ({"since": "2026-01-01T01:00:00Z"}, ["evt_c", "evt_b"]),
        ({"until": "2026-01-01T01:00:00Z"}, ["evt_a"]),
        ({"since": "2026-01-01T02:00:00+01:00", "until": "2026-01-02T00:00:00Z"}, ["evt_b"]),
        ({"since": "2026-01-01T01:00:00Z", "account": "receivable"}, ["evt_b"]),
        ({"source": "in_1"}, ["evt_a"]),
        ({"source": "evt_b"}, ["evt_b"]),
        ({"source": "evt_b", "account": "tax"}, []),
        ({"source": "unheard_of"}, []),
        ({"provider_account": "acct_1"}, ["evt_c"]),
        ({"provider_account": "acct_1", "currency": "USD"}, []),
    ],
)
def test_filters(reader: Api, three: None, filters: dict[str, str], expected: list[str]) -> None:
    answer = reader.get("/v1/ledger", **filters)
    assert [entry["source_event_id"] for entry in answer.body["data"]] == expected


@pytest.mark.parametrize("filters", [{}, {"account": "receivable"}, {"currency": "USD"}])
def test_pages_follow_each_other_without_gap_or_repeat_also_within_one_instant(
    reader: Api, world: World, filters: dict[str, Any]
) -> None:
    for number in range(7):
        tell_at(world, START + timedelta(hours=number // 3), fact(events.InvoiceFinalized, object_id=f"in_{number}"))
    whole = [entry["id"] for entry in reader.get("/v1/ledger", **filters).body["data"]]
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page = reader.get("/v1/ledger", limit=2, cursor=cursor, **filters).body
        seen += [entry["id"] for entry in page["data"]]
        cursor = page["pagination"]["next_cursor"]
    assert cursor is None and seen == whole and len(set(seen)) == 7


def test_an_empty_workspace_has_an_empty_ledger(reader: Api) -> None:
    answer = reader.get("/v1/ledger")
    assert (answer.status, answer.body["data"]) == (200, [])


def test_another_workspaces_entries_do_not_exist(api: Api, world: World) -> None:
    other = world.workspace()
    tell_at(world, START, fact(events.InvoiceFinalized), workspace_id=other)
    assert api.as_key(scopes=["ledger:read"]).get("/v1/ledger", source="in_1").body["data"] == []
    assert len(api.as_key(scopes=["ledger:read"], workspace_id=other).get("/v1/ledger").body["data"]) == 1


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    answer = api.as_key(scopes=["sync:read"]).get("/v1/ledger")
    assert (answer.status, answer.error.code) == (403, "insufficient_permissions")


def test_without_a_key_nobody_is_known(api: Api) -> None:
    assert api.get("/v1/ledger").status == 401


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"account": "pocket"}, "account"),
        ({"currency": "usd"}, "currency"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"until": "2026-13-01T00:00:00Z"}, "until"),
        ({"source": "evt_\x00"}, "source"),
        ({"source": "' OR true --"}, "source"),
        ({"provider_account": ""}, "provider_account"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_named(reader: Api, query: dict[str, Any], param: str) -> None:
    answer = reader.get("/v1/ledger", **query)
    assert (answer.status, answer.error.param) == (400, param)


def test_a_cursor_works_only_with_the_filters_it_came_from(reader: Api, three: None) -> None:
    cursor = reader.get("/v1/ledger", limit=1).body["pagination"]["next_cursor"]
    answer = reader.get("/v1/ledger", limit=1, cursor=cursor, account="bank")
    assert (answer.status, answer.error.code) == (400, "invalid_cursor")


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_instants_at_the_edge_of_the_calendar_are_answered(reader: Api, instant: str) -> None:
    assert reader.get("/v1/ledger", since=instant).status == 200
