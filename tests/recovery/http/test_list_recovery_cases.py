"""GET /v1/recovery/cases."""

from datetime import timedelta
from typing import Any

import pytest

from tests.recovery.support import DAY, Dunning
from tests.support.api import Api
from tests.support.standing_clock import START

PATH = "/v1/recovery/cases"


@pytest.fixture
def reader(api: Api, dunning: Dunning) -> Api:
    return api.as_key(scopes=["recovery:read"], workspace_id=dunning.workspace_id)


@pytest.fixture
def three(dunning: Dunning) -> list[str]:
    """One open case, one recovered, one lost in JPY: opened a day apart, oldest first."""
    made = [dunning.invoice(), dunning.invoice(), dunning.invoice(currency="jpy")]
    for day, (invoice_id, fields) in enumerate(zip(made, ({}, {"customer_id": "cus_2"}, {"currency": "JPY"}), strict=True)):
        dunning.fail(invoice_id, at=START + day * DAY, **fields)
    dunning.pay(made[1])
    dunning.lose(made[2], "void")
    return made


def listed(answer: Any) -> list[str]:
    assert answer.status == 200, answer.body
    return [case["invoice_id"] for case in answer.body["data"]]


def test_cases_come_the_latest_opened_first(reader: Api, dunning: Dunning, three: list[str]) -> None:
    answer = reader.get(PATH)
    assert listed(answer) == three[::-1]
    case = answer.body["data"][1]
    assert case == {
        "id": dunning.case(three[1])["id"], "account": None, "invoice_id": three[1], "customer_id": "cus_2",
        "status": "recovered", "amount_at_risk_minor": 2610, "recovered_minor": 2610, "currency": "USD", "failures": 1,
        "opened_at": "2026-01-06T12:00:00Z", "closed_at": "2026-01-05T12:00:00Z", "close_reason": "paid", "next_step_at": None,
        "execution_name": dunning.case(three[1])["id"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "open"}, [0]), ({"status": "recovered"}, [1]), ({"status": "lost"}, [2]), ({"currency": "JPY"}, [2]),
        ({"customer_id": "cus_2"}, [1]), ({"since": "2026-01-06T12:00:00Z"}, [2, 1]), ({"until": "2026-01-06T12:00:00Z"}, [0]),
        ({"status": "lost", "currency": "USD"}, []),
    ],
)  # fmt: skip
def test_filters(reader: Api, three: list[str], query: dict[str, str], found: list[int]) -> None:
    assert listed(reader.get(PATH, **query)) == [three[index] for index in found]


def test_the_filter_by_invoice(reader: Api, three: list[str]) -> None:
    assert listed(reader.get(PATH, invoice_id=three[0])) == [three[0]]


def test_pages_cover_the_list_even_when_cases_share_their_instant(reader: Api, dunning: Dunning) -> None:
    made = [dunning.invoice() for _ in range(5)]
    for invoice_id in made:
        dunning.fail(invoice_id)
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        answer = reader.get(PATH, limit=2, cursor=cursor)
        seen += listed(answer)
        cursor = answer.body["pagination"]["next_cursor"]
    assert cursor is None and sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    "query",
    [
        {"status": "closed"},
        {"currency": "usd"},
        {"since": "yesterday"},
        {"since": "2026-01-06T12:00:00"},
        {"color": "red"},
        {"limit": 0},
    ],
)
def test_what_cannot_be_a_filter_is_refused(reader: Api, query: dict[str, Any]) -> None:
    answer = reader.get(PATH, **query)
    assert (answer.status, answer.error.param) == (400, next(iter(query)))


def test_a_cursor_of_other_filters_is_refused(reader: Api, three: list[str]) -> None:
    cursor = reader.get(PATH, limit=1).body["pagination"]["next_cursor"]
    answer = reader.get(PATH, cursor=cursor, status="open")
    assert (answer.status, answer.error.code) == (400, "invalid_cursor")


def test_a_key_without_the_scope_is_refused(api: Api, dunning: Dunning) -> None:
    assert api.as_key(scopes=["ledger:read"], workspace_id=dunning.workspace_id).get(PATH).status == 403


def test_another_workspace_sees_none(api: Api, three: list[str]) -> None:
    assert listed(api.as_key(scopes=["recovery:read"]).get(PATH)) == []


def test_the_next_step_is_shown_while_a_case_is_open(reader: Api, dunning: Dunning) -> None:
    invoice_id = dunning.invoice()
    dunning.fail(invoice_id)
    dunning.run(invoice_id, until=START + timedelta(hours=1))
    assert reader.get(PATH).body["data"][0]["next_step_at"] == "2026-01-06T12:00:00Z"
