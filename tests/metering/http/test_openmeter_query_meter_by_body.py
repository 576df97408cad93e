"""POST /openmeter/api/v1/meters/{meter_id}/query"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from openmeter import Client
from openmeter.models import FilterString, MeterQueryRequest

from oppulence.metering import landing
from tests.metering import usage
from tests.metering.openmeter import client, create, door, refused, send
from tests.support.api import PROBLEM, Api
from tests.support.world import World

PATH = "/openmeter/api/v1/meters/tokens_total/query"


@pytest.fixture
def used(store: World, om: Client) -> Client:
    """A meter, and what it counts of three events."""
    create(om)
    send(om, "1", {"tokens": "0.1", "model": "a", "type": "in"}, datetime(2026, 11, 20, 10, tzinfo=UTC))
    send(om, "2", {"tokens": "0.2", "model": "b", "type": "in"}, datetime(2026, 11, 20, 11, tzinfo=UTC))
    send(om, "3", {"tokens": 5, "model": "a", "type": "out"}, datetime(2026, 11, 20, 12, tzinfo=UTC), "globex")
    landing.land(usage.queued())
    return om


def test_a_question_with_everything(used: Client) -> None:
    since, until = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC)
    question = MeterQueryRequest(
        from_property=since, to=until, window_size="HOUR", window_time_zone="Europe/Vienna", subject=["acme"], client_id="me",
        filter_group_by={"model": ["a", "b"], "type": ["in"]}, group_by=["model"],
    )  # fmt: skip
    found = used.meters.query("tokens_total", question)
    assert (found.from_property, found.to, found.window_size) == (since, until, "HOUR")
    assert [(row.window_start.hour, row.subject, row.group_by, row.value) for row in found.data] == [
        (10, "acme", {"model": "a"}, 0.1), (11, "acme", {"model": "b"}, 0.2),
    ]  # fmt: skip


def test_filters_in_words(used: Client) -> None:
    wanted = {"model": FilterString(or_property=[FilterString(eq="a"), FilterString(like="z%")]), "type": FilterString(ne="in")}
    (row,) = used.meters.query("tokens_total", MeterQueryRequest(advanced_meter_group_by_filters=wanted)).data
    assert row.value == 5.0
    assert used.meters.query("tokens_total", MeterQueryRequest(filter_group_by={"model": []})).data[0].value == 5.3


def test_without_a_body_it_is_everything(used: Client) -> None:
    head, line = used.meters.query_csv_post("tokens_total").splitlines()
    assert (head, line) == (
        "window_start,window_end,subject,value", "2026-11-20T10:00:00Z,2026-11-20T12:01:00Z,,5.3",
    )  # fmt: skip
    assert [row.value for row in used.meters.query("tokens_total", MeterQueryRequest()).data] == [5.3]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"windowSize": "YEAR"}, 400, "windowSize"), ({"from": 1.7e9}, 400, "from"),
        ({"groupBy": ["colour"]}, 400, "groupBy"), ({"subject": ["a"] * 101}, 400, "subject"), ([], 400, "body"),
        ({"filterGroupBy": {"colour": ["a"]}}, 400, "filterGroupBy"), ("{", 400, None),
        ({"advancedMeterGroupByFilters": {"model": {"$and": []}}}, 400, "advancedMeterGroupByFilters.model.$and"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_problem(used: Client, api: Api, body: Any, status: int, param: str | None) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    answer = api.as_key().send("POST", PATH, raw)
    assert (answer.status, answer.headers["Content-Type"], answer.error.param) == (status, PROBLEM, param)


def test_what_they_do_not_know_is_passed_over(used: Client, api: Api) -> None:
    answer = api.as_key().send("POST", PATH, b'{"colour": "red", "subject": ["globex"]}')
    assert [row["value"] for row in answer.body["data"]] == [5]


def test_another_content_type_is_refused(used: Client, api: Api) -> None:
    answer = api.as_key().with_headers(content_type="text/plain").send("POST", PATH, b"{}")
    assert (answer.status, answer.headers["Content-Type"]) == (415, PROBLEM)


def test_a_key_without_the_scope_another_workspace_and_no_meter(used: Client, store: World) -> None:
    with door() as url:
        with client(url, store.api_key(["meters:read"], store.workspace_id)) as other, refused(403):
            other.meters.query("tokens_total", MeterQueryRequest())
        with client(url, store.api_key(["admin:*"], store.workspace())) as other, refused(404):
            other.meters.query("tokens_total", MeterQueryRequest())
    with refused(404):
        used.meters.query("none", MeterQueryRequest())
