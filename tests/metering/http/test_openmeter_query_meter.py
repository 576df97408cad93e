"""GET /openmeter/api/v1/meters/{meter_id}/query"""

import csv
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from corehttp.transport.requests import RequestsTransport
from openmeter import Client
from openmeter.models import MeterQueryRequest, MeterQueryRow, MeterUpdate

from oppulence.metering import landing
from tests.metering import usage
from tests.metering.openmeter import client, create, door, refused, send
from tests.support.api import PROBLEM, Api, through_gateway
from tests.support.world import World

HOUR: dict[str, Any] = {"from_parameter": datetime(2026, 11, 20, 10, tzinfo=UTC), "to": datetime(2026, 11, 20, 13, tzinfo=UTC)}
PATH = "/openmeter/api/v1/meters/tokens_total/query"
README = Path(__file__).parents[3] / "README.md"


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, 30, 250_000, tzinfo=UTC)


@pytest.fixture
def used(store: World, om: Client) -> Client:
    """A meter, and what it counts of six events in three hours, all settled."""
    create(om)
    send(om, "1", {"tokens": "0.1", "model": "a", "type": "in"}, at(10))
    send(om, "2", {"tokens": "0.2", "model": "b", "type": "in"}, at(10, 59))
    send(om, "3", {"tokens": 5, "model": "a", "type": "out"}, at(12), "globex")
    send(om, "3", {"tokens": 500}, at(12), "globex")
    send(om, "4", {"tokens": "many", "model": "a"}, at(12))
    send(om, "5", None, at(12))
    send(om, "6", {"tokens": 1}, at(12, 1), "globex")
    landing.land(usage.queued())
    usage.settle(store)
    return om


def short(rows: list[MeterQueryRow]) -> list[tuple[Any, ...]]:
    return [(row.window_start.hour, row.window_end.hour, row.subject, row.group_by, row.value) for row in rows]


def test_everything_without_a_word_more(used: Client) -> None:
    found = used.meters.query_json("tokens_total")
    assert (found.from_property, found.to, found.window_size) == (None, None, None)
    (row,) = found.data
    assert row.value == 6.3 and not (row.subject or row.customer_id or row.group_by)
    assert (row.window_start.isoformat(), row.window_end.isoformat()) == (
        "2026-11-20T10:00:00+00:00",
        "2026-11-20T12:02:00+00:00",
    )


def test_by_windows_of_a_period(used: Client) -> None:
    found = used.meters.query_json("tokens_total", **HOUR, window_size="HOUR")
    assert (found.from_property, found.to, found.window_size) == (HOUR["from_parameter"], HOUR["to"], "HOUR")
    assert short(found.data) == [(10, 11, None, {}, 0.3), (12, 13, None, {}, 6.0)]
    assert [row.value for row in used.meters.query_json("tokens_total", window_size="MINUTE").data] == [0.1, 0.2, 5.0, 1.0]
    (day,) = used.meters.query_json("tokens_total", window_size="DAY", window_time_zone="Europe/Vienna").data
    assert (day.window_start, day.window_end) == (datetime(2026, 11, 19, 23, tzinfo=UTC), datetime(2026, 11, 20, 23, tzinfo=UTC))
    (month,) = used.meters.query_json("tokens_total", window_size="MONTH").data
    assert (month.window_start, month.window_end) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def test_a_window_that_the_period_cuts_is_named_as_a_whole(used: Client) -> None:
    period: dict[str, Any] = {
        "from_parameter": datetime(2026, 11, 20, 10, 30, tzinfo=UTC),
        "to": datetime(2026, 11, 20, 12, 1, tzinfo=UTC),
    }
    assert short(used.meters.query_json("tokens_total", **period, window_size="HOUR").data) == [
        (10, 11, None, {}, 0.2), (12, 13, None, {}, 5.0),
    ]  # fmt: skip
    (row,) = used.meters.query_json("tokens_total", **period).data
    assert (row.window_start, row.window_end, row.value) == (period["from_parameter"], period["to"], 5.2)


def test_open_ends(used: Client) -> None:
    since, until = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert [row.value for row in used.meters.query_json("tokens_total", from_parameter=since).data] == [6.0]
    assert [row.value for row in used.meters.query_json("tokens_total", to=until).data] == [0.3]
    assert used.meters.query_json("tokens_total", from_parameter=datetime(2026, 11, 21, tzinfo=UTC)).data == []
    assert used.meters.query_json("tokens_total", to=datetime(2026, 11, 20, tzinfo=UTC)).data == []
    ever = used.meters.query_json(
        "tokens_total", from_parameter=datetime(1, 1, 1, tzinfo=UTC), to=datetime(9999, 1, 1, tzinfo=UTC)
    )
    assert [row.value for row in ever.data] == [6.3]


def test_subjects_and_dimensions(used: Client) -> None:
    assert [(row.subject, row.value) for row in used.meters.query_json("tokens_total", group_by=["subject"]).data] == [
        ("acme", 0.3), ("globex", 6.0),
    ]  # fmt: skip
    (row,) = used.meters.query_json("tokens_total", subject=["globex"]).data
    assert (row.subject, row.value) == ("globex", 6.0), "who asks for a subject is told of it"
    found = used.meters.query_json("tokens_total", group_by=["model", "type"]).data
    assert {(row.group_by["model"], row.group_by["type"], row.value) for row in found} == {
        ("a", "in", 0.1), ("b", "in", 0.2), ("a", "out", 5.0), ("", "", 1.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ({"model": "a"}, 5.1), ({"model": "b", "type": "in"}, 0.2), ({"model": "b", "type": "out"}, None), ({"model": ""}, 1.0),
        ({"model": "it's \"x\" & %"}, None),
    ],
)  # fmt: skip
def test_simple_filters(used: Client, wanted: dict[str, str], value: float | None) -> None:
    """As the client writes them in the query string: as a dictionary of Python."""
    found = used.meters.query_json("tokens_total", filter_group_by=wanted)
    assert [row.value for row in found.data] == ([] if value is None else [value])


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ({"$eq": "a"}, 5.1), ({"$in": ["a", "b"]}, 5.3), ({"$ne": "a"}, 1.2), ({"$nin": ["a", ""]}, 0.2), ({"$like": "_"}, 5.3),
        ({"$nlike": "a%"}, 1.2), ({"$ilike": "B"}, 0.2), ({"$nilike": "B"}, 6.1), ({"$gt": "a"}, 0.2), ({"$gte": "a"}, 5.3),
        ({"$lt": "b"}, 6.1), ({"$lte": "a", "$gt": ""}, 5.1), ({"$or": [{"$eq": "b"}, {"$eq": ""}]}, 1.2),
        ({"$and": [{"$gte": "a"}, {"$ne": "a"}]}, 0.2), ({"$in": []}, None), ({"$like": "z%"}, None),
    ],
)  # fmt: skip
def test_advanced_filters(used: Client, wanted: Any, value: float | None) -> None:
    found = used.meters.query_json("tokens_total", advanced_meter_group_by_filters={"model": wanted})
    assert [row.value for row in found.data] == ([] if value is None else [value])


def test_what_comes_as_csv(used: Client) -> None:
    text = used.meters.query_csv("tokens_total", **HOUR, window_size="HOUR", group_by=["subject", "model"])
    head, *lines = csv.reader(text.splitlines())
    assert head == ["window_start", "window_end", "subject", "model", "value"]
    assert lines == [
        ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "acme", "a", "0.1"],
        ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "acme", "b", "0.2"],
        ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z", "globex", "a", "5"],
        ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z", "globex", "", "1"],
    ]


def test_json_that_is_preferred_is_no_csv(used: Client, api: Api) -> None:
    for accept, kind in (("application/json, text/csv;q=0.1", "application/json"), ("text/csv, */*", "text/csv")):
        assert api.as_key().with_headers(Accept=accept).get(PATH).headers["Content-Type"] == kind


def test_no_text_of_a_csv_is_a_formula(store: World, om: Client) -> None:
    create(om)
    send(om, "1", {"tokens": -1, "model": "@sum(1)"}, at(10), "=cmd|' /C calc'!A0")
    landing.land(usage.queued())
    (line,) = list(csv.reader(om.meters.query_csv("tokens_total", group_by=["subject", "model"]).splitlines()))[1:]
    assert line[2:] == ["'=cmd|' /C calc'!A0", "'@sum(1)", "-1"]


def test_values_keep_every_digit_in_the_text(store: World, om: Client) -> None:
    """Also of what has landed and is not settled; the client itself reads JSON numbers as floats."""
    create(om)
    for number in ("123456789012345678.12345678901234567890", "0.00000000000000000001", "1e3"):
        send(om, number, {"tokens": number}, at(10))
    landing.land(usage.queued())
    headers = {"authorization": f"Bearer {store.api_key(['usage:read'], store.workspace_id)}"}
    text = through_gateway("GET", PATH, "", headers, b"")["body"]
    assert '"value":123456789012346678.12345678901234567891,' in text
    assert text_of_csv(om).endswith(",123456789012346678.12345678901234567891")
    assert om.meters.query_json("tokens_total").data[0].value == 123456789012346678.12345678901234567891


def text_of_csv(om: Client) -> str:
    return om.meters.query_csv("tokens_total").strip()


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"from": "yesterday"}, "from"), ({"from": "1700000000"}, "from"), ({"to": "9999-12-31T23:59:59-23:00"}, "to"),
        ({"from": "2026-11-20T00:00:00"}, "from"), ({"windowSize": "WEEK"}, "windowSize"),
        ({"windowTimeZone": "Mars/Base"}, "windowTimeZone"), ({"groupBy": "colour"}, "groupBy"),
        ({"filterGroupBy[colour]": "red"}, "filterGroupBy"), ({"filterGroupBy": "__import__('os')"}, "filterGroupBy"),
        ({"filterGroupBy": "(" * 3_000}, "filterGroupBy"), ({"advancedMeterGroupByFilters": "{"}, "advancedMeterGroupByFilters"),
        ({"filterGroupBy": "{'a': ['b', 5]}"}, "filterGroupBy.a.1"),
        ({"advancedMeterGroupByFilters": '{"model": {"$near": 1}}'}, "advancedMeterGroupByFilters.model.$near"),
        ({"filterGroupBy[model]": "a", "advancedMeterGroupByFilters": '{"model": {"$eq": "a"}}'}, "advancedMeterGroupByFilters"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"from": "2000-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "windowSize": "MINUTE"}, "windowSize"),
        ({"filterGroupBy[subject]": "a"}, "filterGroupBy"),
        ({"advancedMeterGroupByFilters": '{"subject": {"$eq": "a"}}'}, "advancedMeterGroupByFilters"),
        ({"advancedMeterGroupByFilters": '{"colour": {"$eq": "red"}}'}, "advancedMeterGroupByFilters"),
        ({"advancedMeterGroupByFilters": '{"colour": {"$ne": "red"}}'}, "advancedMeterGroupByFilters"),
        ({"advancedMeterGroupByFilters": '{"model": {"$ne": "a"}}', "groupBy": "colour"}, "groupBy"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_problem(store: World, om: Client, api: Api, query: dict[str, str], param: str) -> None:
    create(om)
    send(om, "1", {"tokens": 1}, at(10))
    landing.land(usage.queued())
    answer = api.as_key().get(PATH, **query)
    assert (answer.status, answer.headers["Content-Type"], answer.error.param) == (400, PROBLEM, param)


def test_filters_as_other_clients_write_them(used: Client, api: Api) -> None:
    found = api.as_key().get(
        PATH, **{"filterGroupBy[model]": "a", "filterGroupBy[type]": ["in", "out"], "clientId": "me", "colour": "red"}
    )
    assert [row["value"] for row in found.body["data"]] == [5.1], "what they do not know is passed over"


def test_customers(used: Client, api: Api) -> None:
    made = api.as_key().post("/v1/customers", {"key": "globex"})
    (row,) = used.meters.query_json("tokens_total", filter_customer_id=[made.body["id"]]).data
    assert (row.customer_id, row.value) == (made.body["id"], 6.0) and not row.subject
    text = used.meters.query_csv("tokens_total", group_by=["customer_id"])
    assert sorted(line.split(",", 2)[2] for line in text.splitlines()) == [
        ",,0.3", f",{made.body['id']},6", "subject,customer_id,value",
    ]  # fmt: skip
    with refused(404):
        used.meters.query_json("tokens_total", filter_customer_id=["cus_none"])


def test_a_meter_that_counted_nothing(store: World, om: Client) -> None:
    create(om)
    assert om.meters.query_json("tokens_total").data == []
    assert om.meters.query_json("tokens_total", **HOUR).data == []
    assert om.meters.query_csv("tokens_total").splitlines() == ["window_start,window_end,subject,value"]


def test_while_past_events_are_being_counted_there_is_no_answer_for_which_the_client_waits(
    store: World, om: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without them could not be told from no usage."""
    create(om, slug="before")
    send(om, "1", {"tokens": 5}, at(10))
    landing.land(usage.queued())
    assert om.meters.query_json("before").data[0].value == 5.0, "what comes after the meter is in the answer at once"
    waits: list[float] = []

    def sleep(_: RequestsTransport, seconds: float) -> None:
        waits.append(seconds)
        usage.settle(store)

    monkeypatch.setattr(RequestsTransport, "sleep", sleep)
    for slug in ("while_landed", "once_settled"):
        create(om, slug=slug)
        create(om, slug=f"later_{slug}", event_from=at(11))
        create(om, slug=f"other_{slug}", event_type="other")
        for call in (om.meters.query_json, om.meters.query_csv, om.meters.query_csv_post):
            with refused(503) as problem:
                call(slug)
            assert problem["extensions"]["retry_after"] == 20
        assert om.meters.query_json(f"later_{slug}").data == om.meters.query_json(f"other_{slug}").data == []
        with (
            door() as url,
            Client(endpoint=f"{url}/openmeter", token=store.api_key(["usage:read"], store.workspace_id)) as patient,
        ):
            assert patient.meters.query(slug, MeterQueryRequest()).data[0].value == 5.0
        assert om.meters.query_json(slug).data[0].value == 5.0
        om.meters.update(slug, MeterUpdate(group_by={"model": "$.model"}))
        assert om.meters.query_json(slug).data[0].value == 5.0, "what it counted stays, with other dimensions from now on"
    assert waits == [20, 20]


def test_what_the_readme_shows_works(store: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = README.read_text().partition("```python\n")[2].partition("```")[0]
    monkeypatch.setattr(time, "sleep", lambda _: landing.land(usage.queued()))
    scopes = ["meters:read", "meters:write", "usage:read", "usage:write"]
    monkeypatch.setenv("KEY", store.api_key(scopes, store.workspace_id))
    with door() as url:
        monkeypatch.setenv("API", url)
        exec(shown, {})  # noqa: S102 - it is ours
    assert "'value': 1250" in capsys.readouterr().out


def test_a_key_without_the_scope_another_workspace_and_no_meter(store: World, om: Client) -> None:
    made = create(om)
    with door() as url:
        with client(url, store.api_key(["meters:read"], store.workspace_id)) as other, refused(403):
            other.meters.query_json(made.id)
        with client(url, store.api_key(["admin:*"], store.workspace())) as other:
            for call in (other.meters.query_json, other.meters.query_csv):
                with refused(404):
                    call(made.id)
    with refused(404):
        om.meters.query_json("none", **HOUR)
