"""Questions to a meter over HTTP: by query string and by body, in pages, as CSV and as files."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.metering import exporting, usage
from tests.metering.support import make
from tests.metering.test_attribution import customer, give
from tests.support.api import Answer, Api
from tests.support.world import World

MARCH: dict[str, Any] = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SUM: dict[str, Any] = {
    "slug": "tokens", "aggregation": "SUM", "value_property": "$.v", "group_by": {"model": "$.m"}, "effective_from": None,
    "unit": "tokens",
}  # fmt: skip


def ask(api: Api, slug: str = "tokens", **fields: Any) -> Answer:
    return api.as_key(["usage:read"]).send("GET", f"/v1/meters/{slug}/query", query={**MARCH, **fields})


def post(api: Api, slug: str = "tokens", **fields: Any) -> Answer:
    return api.as_key(["usage:read"]).post(f"/v1/meters/{slug}/query", {**MARCH, **fields})


def rows(answer: Answer) -> list[tuple[Any, ...]]:
    assert answer.status == 200, answer.body
    return [(one["window_start"], one["subject"], *one["groups"].values(), one["value"]) for one in answer.body["data"]]


def test_what_has_landed_counts_and_then_is_settled(api: Api, store: World) -> None:
    meter = make(api, **SUM)
    assert rows(ask(api)) == [("2026-03-01T00:00:00Z", None, "0")]
    usage.take(store, usage.sent("1", {"v": "0.1", "m": "x"}))
    usage.land(store, usage.sent("2", {"v": "123456789012345678.00000000000000000001", "m": "y"}), usage.sent("1", {"v": 9}))
    answer = ask(api)
    assert rows(answer) == [("2026-03-01T00:00:00Z", None, "123456789012345678.10000000000000000001")]
    body = answer.body
    assert (body["meter_id"], body["unit"], body["unsettled"], body["queued"]) == (meter["id"], "tokens", True, False)
    first = body["settlement"]
    usage.settle(store)
    assert (ask(api).body["unsettled"], ask(api).body["data"]) == (False, body["data"])
    assert rows(ask(api, as_of=first))[0][2] == "0.1"
    assert ask(api, as_of=first).body["settlement"] == first


@pytest.mark.parametrize("asked_by", [ask, post])
def test_what_an_answer_names_gives_it_again(api: Api, store: World, asked_by: Any) -> None:
    make(api, **SUM)
    a, b = customer(api, "a", ("s", None)), customer(api, "b")
    usage.take(store, usage.sent("1", {"v": 1}, subject="s"))
    first = asked_by(api, customers=[a])
    again = {"as_of": first.body["settlement"], "known_at": first.body["known_at"]}
    give(api, b, "s", NOON - timedelta(days=1))
    usage.take(store, usage.sent("2", {"v": 1}, subject="s"))
    assert [rows(asked_by(api, customers=[a], **one))[0][2] for one in ({}, {"as_of": again["as_of"]})] == ["0", "0"]
    assert asked_by(api, customers=[a], **again).body == first.body and first.body["data"][0]["value"] == "1"
    api.as_key().post(f"/v1/customers/{b}/merge", {"from": a})
    headers = asked_by(api, customers=[a], format="csv", **again).headers
    assert (headers["X-Settlement"], headers["X-Known-At"]) == (str(again["as_of"]), again["known_at"])
    assert asked_by(api, customers=[a], **again).body == first.body
    assert asked_by(api, customers=["a"], known_at="yesterday").status == 400


def test_an_earlier_moments_answer_says_that_a_meter_is_still_counting(api: Api, store: World) -> None:
    usage.take(store, *[usage.sent(str(n), {"v": 1}) for n in range(10)])
    before = datetime.now(UTC)
    make(api, **SUM)
    first = ask(api).body["settlement"]
    for as_of in (first, before.isoformat()):
        body = ask(api, as_of=as_of).body
        assert (body["data"][0]["value"], body["queued"]) == ("0", True), "its share of what was settled is on its way"
    assert ask(api, as_of=first, format="csv").headers["X-Queued"] == "true"
    usage.settle(store)
    assert (rows(ask(api, as_of=first))[0][2], ask(api, as_of=first).body["queued"]) == ("0", False), "as it was"
    assert (rows(ask(api))[0][2], ask(api).body["queued"]) == ("10", False)


def test_windows_reach_beyond_2106(api: Api, store: World) -> None:
    make(api, **SUM)
    make(api, **SUM | {"slug": "level", "carry_over": True, "prorated": "day"})
    usage.take(store, usage.sent("1", {"v": 1}), usage.sent("2", {"v": 3}, datetime(2106, 5, 1, tzinfo=UTC)))
    later = {"from": "2026-01-01T00:00:00Z", "to": "2107-01-01T00:00:00Z", "window_size": "MONTH"}
    for zone in ("UTC", "Europe/Berlin"):
        found = [(one[0][:7], one[-1]) for one in rows(ask(api, **later, time_zone=zone))]
        assert [value for _, value in found] == ["1", "3"] and found[0][0] in ("2026-02", "2026-03"), zone
        assert rows(ask(api, "level", **later, time_zone=zone))[-1][-1] == "4", zone


def test_it_groups_filters_and_takes_a_body(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(
        store, usage.sent("1", {"v": 1, "m": "x"}), usage.sent("2", {"v": 2, "m": "y"}, subject="b"), usage.sent("3", {"v": 4})
    )
    start = "2026-03-01T00:00:00Z"
    by_model = [(start, None, "x", "1"), (start, None, "y", "2"), (start, None, None, "4")]
    assert rows(ask(api, group_by="model")) == rows(post(api, group_by=["model"])) == by_model
    assert rows(ask(api, group_by=["subject", "model"], subjects="b")) == [(start, "b", "y", "2")]
    assert rows(ask(api, filter_group_by=["model=x", "model=y"])) == [(start, None, "3")]
    assert rows(post(api, filter_group_by={"model": [None]})) == rows(ask(api, filter_group_by="model")) == [(start, None, "4")]
    assert rows(ask(api, window_size="HOUR", group_by="subject")) == [
        ("2026-03-14T12:00:00Z", "acme", "5"), ("2026-03-14T12:00:00Z", "b", "2"),
    ]  # fmt: skip


def test_an_hour_that_happens_twice_is_two_windows(api: Api, store: World) -> None:
    make(api, **SUM)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    usage.take(store, *[usage.sent(str(n), {"v": n}, first + timedelta(hours=n)) for n in (0, 1, 2)])
    period = {"from": "2026-10-25T00:00:00+02:00", "to": "2026-10-26T00:00:00+01:00", "time_zone": "Europe/Vienna"}
    found = rows(ask(api, **period, window_size="HOUR"))
    assert found == [(f"2026-10-25T0{n}:00:00Z", None, str(n)) for n in range(3)]
    (day,) = ask(api, **period, window_size="DAY").body["data"]
    assert (day["window_start"], day["window_end"]) == ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")


@pytest.mark.parametrize("carry_over", [False, True])
def test_many_groups_come_in_pages(api: Api, store: World, carry_over: bool) -> None:
    make(api, **SUM | {"carry_over": carry_over})
    events = [usage.sent(str(n), {"v": n, "m": f"model {n:05}"}) for n in range(10_000)]
    for first in range(0, len(events), 1000):
        usage.land(store, *events[first : first + 1000])
    usage.settle(store)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        answer = post(api, group_by=["model"], window_size="DAY", limit=4_000, cursor=cursor, to="2026-03-16T00:00:00Z")
        found += rows(answer)
        cursor, pages = answer.body["pagination"]["next_cursor"], pages + 1
    days = ["2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z"][: 1 + carry_over]
    assert found == [(day, None, f"model {n:05}", str(n)) for day in days for n in range(10_000)]
    assert pages == (5 if carry_over else 3)
    refused = ask(api, cursor=post(api, group_by=["model"], limit=1).body["pagination"]["next_cursor"])
    assert (refused.status, refused.error.code) == (400, "invalid_cursor")


def test_as_csv_in_pages_and_as_a_file(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(store, usage.sent("1", {"v": "-1.50", "m": '=1+1, "x"'}), usage.sent("2", {"v": 2, "m": "y"}))
    first = ask(api, format="csv", group_by=["model"], limit=1)
    start = b"2026-03-01T00:00:00Z,2026-04-01T00:00:00Z"
    assert first.body == b"window_start,window_end,model,value\r\n" + start + b',"\'=1+1, ""x""",-1.5\r\n'
    assert first.headers["Content-Type"].startswith("text/csv") and first.headers["X-Queued"] == "false"
    accepting = api.as_key().with_headers(Accept="text/csv")
    cursor = first.headers["X-Next-Cursor"]
    second = accepting.send(
        "GET", "/v1/meters/tokens/query", query=MARCH | {"format": "csv", "group_by": "model", "cursor": cursor}
    )
    assert second.body.endswith(start + b",y,2\r\n") and "X-Next-Cursor" not in second.headers
    for form, end in (("csv", start + b",y,2\r\n"), ("json", b'"value":"2"}\n')):
        answer = ask(api, format=form, group_by=["model"], link="true")
        content = file_of(answer)
        assert content.endswith(end) and answer.body["rows"] == 2
        assert (answer.body["bytes"], answer.body["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_csvs_columns_have_one_name_each(api: Api, store: World) -> None:
    make(api, **SUM | {"group_by": {"value": "$.v", "window_start": "$.w", "m": "$.m"}})
    usage.take(store, usage.sent("1", {"v": 2, "w": "w", "m": "x"}))
    head, line, _ = ask(api, format="csv", group_by=["value", "m", "window_start"]).body.decode().split("\r\n")
    found = dict(zip(head.split(","), line.split(","), strict=True))
    assert found == {
        "window_start": "2026-03-01T00:00:00Z", "window_end": "2026-04-01T00:00:00Z", "group_value": "2",
        "group_window_start": "w", "m": "x", "value": "2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("accept", "form", "is_csv"),
    [
        ("text/csv", {}, True), ("application/json, text/csv;q=0.1", {}, False), ("text/csv, application/json;q=0.9", {}, True),
        ("text/csv", {"format": "json"}, False), ("application/json", {"format": "csv"}, True), ("*/*", {}, False),
    ],
)  # fmt: skip
def test_the_form_is_what_is_asked_for_or_else_preferred(
    api: Api, store: World, accept: str, form: dict[str, str], is_csv: bool
) -> None:
    make(api, **SUM)
    caller = api.as_key().with_headers(Accept=accept)
    by_query = caller.send("GET", "/v1/meters/tokens/query", query=MARCH | form)
    for answer in (by_query, caller.post("/v1/meters/tokens/query", MARCH | form)):
        assert (answer.status, answer.headers["Content-Type"].startswith("text/csv")) == (200, is_csv)


def file_of(answer: Answer) -> bytes:
    """The file that an answer is."""
    return exporting.stored(answer.body["url"])


def test_numbers_are_written_without_exponents_wherever_they_are(api: Api, store: World) -> None:
    make(api, **SUM)
    small, now = "0.00000000000000000001", datetime.now(UTC)
    usage.take(store, usage.sent("1", {"v": "1e-20"}, now))
    usage.land(store, usage.sent("2", {"v": 1e3}, now, subject="many"))
    day = {"from": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", "to": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    assert [row[-1] for row in rows(ask(api, **day, group_by="subject"))] == [small, "1000"]
    assert f'"value":"{small}"'.encode() in file_of(ask(api, **day, group_by="subject", link="true"))
    caller = api.as_key()
    assert caller.get("/v1/meters/tokens/current", subject="acme").body["value"] == small
    made = caller.send("GET", "/v1/meters/tokens/events", query=day).body["data"]
    assert {one["subject"]: one["value"] for one in made} == {"acme": small, "many": "1000"}
    shown = caller.get("/v1/events").body["data"]
    assert {one["subject"]: one["meters"][0]["value"] for one in shown} == {"acme": small, "many": "1000"}


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"group_by": "nothing"}, 400, "unknown_dimension"),
        ({"filter_group_by": "nothing=1"}, 400, "unknown_dimension"),
        ({"filter_group_by": "subject=1"}, 400, "unknown_dimension"),
        ({"group_by": "model') OR 1=1 --"}, 400, "unknown_dimension"),
        ({"from": "2026-04-01T00:00:00Z"}, 400, "invalid_period"),
        ({"from": "2026-03-01T00:00:00.5Z"}, 400, "invalid_period"),
        ({"from": "2026-03-01T00:00:00"}, 400, "invalid_parameter"),
        ({"from": "1800-03-01T00:00:00Z"}, 400, "invalid_period"),
        ({"from": "1990-01-01T00:00:00Z", "window_size": "MINUTE"}, 400, "too_many_windows"),
        ({"time_zone": "Europe/Atlantis"}, 400, "unknown_time_zone"),
        ({"time_zone": "../../etc/passwd"}, 400, "unknown_time_zone"),
        ({"window_size": "FORTNIGHT"}, 400, "invalid_parameter"),
        ({"customers": "nobody"}, 404, "customer_not_found"),
        ({"as_of": "-1"}, 400, "invalid_parameter"),
    ],
)
def test_bad_questions_are_refused(api: Api, store: World, fields: dict[str, Any], status: int, code: str) -> None:
    make(api, **SUM)
    answer = ask(api, **fields)
    assert (answer.status, answer.error.code) == (status, code), answer.body


@pytest.mark.parametrize("text", ["' OR 1=1 --", "\\", "'); DROP TABLE usage_values; --", "{ws:String}", "a\tb\nc\x00", "ünï"])
def test_texts_are_values_and_nothing_else(api: Api, store: World, text: str) -> None:
    make(api, **SUM)
    usage.take(store, usage.sent("1", {"v": 1, "m": "x"}), usage.sent("2", {"v": 2, "m": text}))
    assert rows(ask(api, subjects=text)) == [("2026-03-01T00:00:00Z", None, "0")]
    assert rows(post(api, filter_group_by={"model": [text]}, group_by=["model"])) == [("2026-03-01T00:00:00Z", None, text, "2")]


def test_it_takes_the_scope_and_the_workspaces_own_meter(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(store, usage.sent("1", {"v": 1}))
    assert api.as_key(["meters:read"]).send("GET", "/v1/meters/tokens/query", query=MARCH).status == 403
    assert api.as_key(["meters:read"]).post("/v1/meters/tokens/query", MARCH).status == 403
    other = api.as_key(workspace_id=store.workspace())
    assert other.send("GET", "/v1/meters/tokens/query", query=MARCH).error.code == "meter_not_found"
    assert other.post("/v1/meters/tokens/query", MARCH).error.code == "meter_not_found"
