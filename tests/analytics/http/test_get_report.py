"""One report: its range, periods, zone, groups, pages and zeros, and what it answers to nonsense."""

import json
from datetime import datetime
from typing import Any

import pytest

from infra.local.clickhouse import ClickHouse
from oppulence.analytics.reports import KINDS
from oppulence.kernel import olap
from tests.analytics.support import DAY, START, fail, lose, mail, pay, take_in, tell, told
from tests.support import stripe
from tests.support.api import Api
from tests.support.world import World

WEEK = {"since": "2026-01-05T00:00:00Z", "until": "2026-01-12T00:00:00Z"}
FAILED = next(body for body in stripe.corpus() if json.loads(body)["type"] == "charge.failed" and b'"jpy"' in body)


def failed_at(at: str) -> bytes:
    """A declined charge in yen, made at an instant."""
    document = json.loads(FAILED)
    second = int(datetime.fromisoformat(at).timestamp())
    charge = document["data"]["object"] | {"id": f"ch_{second}", "created": second}
    return json.dumps(document | {"id": f"evt_{second}", "created": second, "data": {"object": charge}}).encode()


@pytest.fixture
def reader(api: Api, store: World) -> Api:
    return api.as_key(["analytics:read"])


def rows(api: Api, name: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(f"/v1/analytics/{name}", **{**WEEK, **query})
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["data"]
    return found


def test_days_without_anything_have_rows_of_zeros(reader: Api, store: World) -> None:
    assert tell(store, take_in(store, [failed_at("2026-01-07T10:00:00+00:00")])) == []
    found = rows(reader, "failed_payments")
    assert [(one["start"][:10], one["failed"], one["attempts"], one["rate"]) for one in found] == [
        (f"2026-01-{day:02}", int(day == 7), int(day == 7), "1.000000" if day == 7 else None) for day in range(5, 12)
    ]
    assert {(one["currency"], one["group"]) for one in found} == {("JPY", None)}
    assert {type(one[name]) for one in found for name in ("attempted_minor", "failed_minor", "failed", "attempts")} == {int}


def test_an_hour_before_midnight_is_another_day_elsewhere(reader: Api, store: World) -> None:
    assert tell(store, take_in(store, [failed_at("2026-03-29T21:30:00+00:00"), failed_at("2026-03-29T22:30:00+00:00")])) == []
    march = {"since": "2026-03-28T23:00:00Z", "until": "2026-03-31T00:00:00Z"}
    berlin = {one["start"]: one["failed"] for one in rows(reader, "failed_payments", **march, time_zone="Europe/Berlin")}
    assert berlin == {"2026-03-28T23:00:00Z": 1, "2026-03-29T22:00:00Z": 1, "2026-03-30T22:00:00Z": 0}
    utc = {one["start"]: one["failed"] for one in rows(reader, "failed_payments", **march)}
    assert utc == {"2026-03-28T23:00:00Z": 0, "2026-03-29T00:00:00Z": 2, "2026-03-30T00:00:00Z": 0}


def test_the_range_is_half_open(reader: Api, store: World) -> None:
    assert tell(store, take_in(store, [failed_at("2026-01-05T00:00:00+00:00"), failed_at("2026-01-12T00:00:00+00:00")])) == []
    assert sum(one["failed"] for one in rows(reader, "failed_payments")) == 1


@pytest.mark.parametrize(("granularity", "periods"), [("hour", 168), ("day", 7), ("week", 1), ("month", 1)])
def test_granularity(reader: Api, granularity: str, periods: int) -> None:
    assert len(rows(reader, "payments", granularity=granularity, currency="USD", limit=500)) == periods


def test_pages_follow_each_other(reader: Api, store: World) -> None:
    assert tell(store, take_in(store, [failed_at("2026-01-07T10:00:00+00:00")])) == []
    whole = rows(reader, "failed_payments", group_by="country")
    paged: list[dict[str, Any]] = []
    query: dict[str, Any] = {**WEEK, "group_by": "country", "limit": 3}
    while True:
        body = reader.get("/v1/analytics/failed_payments", **query).body
        paged += body["data"]
        assert len(body["data"]) <= 3
        if not body["pagination"]["has_more"]:
            break
        query["cursor"] = body["pagination"]["next_cursor"]
    assert paged == whole and len(whole) == 7
    for path, group in (("payments", "country"), ("failed_payments", "card_brand")):
        answer = reader.get(f"/v1/analytics/{path}", **{**query, "group_by": group})
        assert (answer.status, answer.error.code) == (400, "invalid_cursor")


def test_the_answer_says_what_was_asked(reader: Api) -> None:
    body = reader.get("/v1/analytics/mrr", **WEEK, time_zone="Asia/Tokyo", granularity="week", currency="EUR").body
    assert (body["report"], body["granularity"], body["time_zone"], body["left_out"]) == ("mrr", "week", "Asia/Tokyo", {})
    assert (body["since"], body["until"]) == ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z")
    assert "minor units" in body["unit"] and {one["mrr_minor"] for one in body["data"]} == {0}


def test_without_a_range_it_is_the_last_thirty_days(reader: Api) -> None:
    body = reader.get("/v1/analytics/payments", currency="USD").body
    assert len(body["data"]) in (30, 31)


def test_recovery_by_workflow_and_cohort(reader: Api, store: World) -> None:
    for number, end in enumerate((pay, lose, None)):
        case_id = fail(store, f"in_{number}", at=START + number * DAY)
        mail(store, case_id, "reminder_day_1")
        if end:
            end(store, f"in_{number}", at=START + 5 * DAY)
    assert tell(store, told(store)) == []
    for group, value in ((None, None), ("workflow", "default"), ("cohort", "all")):
        (found,) = rows(reader, "recovery", granularity="week", **({"group_by": group} if group else {}))
        assert found == {
            "start": "2026-01-05T00:00:00Z", "end": "2026-01-12T00:00:00Z", "currency": "USD", "group": value, "started": 3,
            "recovered": 1, "lost": 1, "open": 1, "rate": "0.333333", "at_risk_minor": 32_100, "recovered_minor": 10_700,
            "amount_rate": "0.333333",
        }  # fmt: skip
    days = [(one["start"][:10], one["started"], one["recovered"]) for one in rows(reader, "recovery")]
    assert days[:3] == [("2026-01-05", 1, 1), ("2026-01-06", 1, 0), ("2026-01-07", 1, 0)] and len(days) == 7


def test_revenue_adds_up(reader: Api, store: World) -> None:
    wanted = ("charge", "refund", "dispute", "payout")
    bodies = [one for one in stripe.corpus() if json.loads(one)["data"]["object"]["object"] in wanted]
    assert tell(store, take_in(store, bodies)) == []
    found = rows(reader, "revenue", since="2025-12-01T00:00:00Z", until="2026-02-01T00:00:00Z", granularity="month")
    for one in found:
        parts = ("payments_minor", "refunds_minor", "disputes_minor", "fees_minor")
        assert one["net_minor"] == sum(one[part] for part in parts)
    assert any(one["refunds_minor"] < 0 for one in found) and any(one["disputes_minor"] < 0 for one in found)
    assert len({one["currency"] for one in found}) == 5


def test_one_connected_account_alone(reader: Api, store: World) -> None:
    bodies = [one for one in stripe.corpus() if json.loads(one)["data"]["object"]["object"] == "charge"]
    assert tell(store, take_in(store, bodies)) == []
    account = next(json.loads(one)["account"] for one in bodies if json.loads(one).get("account"))
    wide = {"since": "2025-12-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "granularity": "month"}
    of_one = sum(one["attempts"] for one in rows(reader, "failed_payments", **wide, account=account))
    assert 0 < of_one < sum(one["attempts"] for one in rows(reader, "failed_payments", **wide))


def test_an_unknown_report_lists_those_there_are(reader: Api) -> None:
    answer = reader.get("/v1/analytics/profit")
    assert (answer.status, answer.error.code) == (404, "report_not_found")
    assert answer.body["error"]["reports"] == sorted(KINDS) and "mrr_movements" in answer.error.message


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"since": "2026-01-12T00:00:00Z", "until": "2026-01-05T00:00:00Z"}, "until"),
        ({"since": "2020-01-05T00:00:00Z"}, "granularity"),
        ({"granularity": "hour", "since": "2025-01-05T00:00:00Z"}, "granularity"),
        ({"granularity": "minute"}, "granularity"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"currency": "usd"}, "currency"),
        ({"group_by": "workflow"}, "group_by"),
        ({"group_by": "colour"}, "group_by"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-05T00:00:00"}, "since"),
        ({"until": "9999-12-31T23:59:59Z"}, "since"),
        ({"colour": "red"}, "colour"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_what_cannot_be_asked(reader: Api, query: dict[str, str], param: str) -> None:
    answer = reader.get("/v1/analytics/payments", **{**WEEK, **query})
    assert (answer.status, answer.error.param) == (400, param), answer.body


@pytest.mark.parametrize("account", ["'; DROP TABLE transactions_fact; --", "a\\'b", "\x00", "{ws:String}", "😀"])
def test_words_are_no_sql(reader: Api, account: str) -> None:
    assert rows(reader, "payments", account=account) == []


def test_a_key_without_the_scope_is_refused(api: Api, store: World) -> None:
    assert api.as_key(["sync:read"]).get("/v1/analytics/mrr").status == 403


def test_another_workspace_sees_nothing(reader: Api, api: Api, store: World) -> None:
    assert tell(store, take_in(store, [failed_at("2026-01-07T10:00:00+00:00")])) == []
    assert rows(reader, "failed_payments")
    assert rows(api.as_key(["analytics:read"], store.workspace()), "failed_payments") == []


def test_without_an_analytical_store_it_says_what_to_do(reader: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLICKHOUSE_URL")
    answer = reader.get("/v1/analytics/mrr", **WEEK)
    assert (answer.status, answer.error.code) == (404, "analytics_not_configured")
    assert "ClickHouse" in answer.error.message


def test_while_the_store_is_away_it_is_503(reader: Api, engine: ClickHouse) -> None:
    engine.stop()
    try:
        answer = reader.get("/v1/analytics/mrr", **WEEK)
    finally:
        engine.start()
        olap.forget()
    assert (answer.status, answer.body["error"]["retry_after"]) == (503, 2)
