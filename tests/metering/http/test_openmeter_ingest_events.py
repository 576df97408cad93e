"""POST /openmeter/api/v1/events"""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openmeter import Client
from openmeter.models import Event

from oppulence.metering import batches
from tests.metering.openmeter import client, door, refused
from tests.metering.usage import queued
from tests.support.api import PROBLEM, Api
from tests.support.world import World

PATH = "/openmeter/api/v1/events"
ONE: dict[str, Any] = {"id": "1", "source": "app", "specversion": "1.0", "type": "prompt", "subject": "acme"}
TYPES = ("application/cloudevents+json", "application/cloudevents-batch+json", "application/json")


def event(id_: str = "1", **fields: Any) -> Event:
    return Event(**{**ONE, "id": id_, "data": {"tokens": 1}, **fields})


def taken() -> list[tuple[str, str | None]]:
    """(id, data) of what went into the queue."""
    return [(one.id, one.data) for accepted in queued() for one in batches.parse(accepted.text).events]


def post(api: Api, raw: bytes, content_type: str = TYPES[0]) -> Any:
    return api.as_key(["usage:write"]).with_headers(content_type=content_type).send("POST", PATH, raw)


def test_events_are_taken_in_all_three_ways_with_nothing_to_say(om: Client, world: World) -> None:
    said: list[tuple[int, str]] = []

    def hear(answer: Any, *_: Any) -> None:
        said.append((answer.http_response.status_code, answer.http_response.text()))

    om.events.ingest_event(event("1"), cls=hear)
    om.events.ingest_events([event("2"), event("3")], cls=hear)
    om.events.ingest_events_json(event("4"), cls=hear)
    om.events.ingest_events_json([event("5"), event("6")], cls=hear)
    assert said == [(204, "")] * 4
    assert sorted(id_ for id_, _ in taken()) == ["1", "2", "3", "4", "5", "6"]


def test_data_arrive_to_the_last_digit(api: Api) -> None:
    data = '{"tokens":12345678901234567890.12345678901234567890}'
    assert post(api, json.dumps(ONE)[:-1].encode() + f', "data": {data}}}'.encode()).status == 204
    assert taken() == [("1", data)]


def test_absent_and_null_data_are_taken_and_so_is_what_cannot_count(om: Client) -> None:
    om.events.ingest_event(Event(**ONE))
    om.events.ingest_event(event("2", data=None))
    om.events.ingest_event(event("3", data={"tokens": "many"}))
    assert taken() == [("1", None), ("2", None), ("3", '{"tokens": "many"}')]


@pytest.mark.parametrize("data", [[], [1], "text", 5, True, 1.5])
@pytest.mark.parametrize("content_type", TYPES)
def test_data_that_are_no_object_are_refused(api: Api, data: Any, content_type: str) -> None:
    raw = json.dumps({**ONE, "data": data})
    answer = post(api, (f"[{raw}]" if "batch" in content_type else raw).encode(), content_type)
    assert (answer.status, answer.headers["Content-Type"], answer.error.param) == (400, PROBLEM, "0.data")


@pytest.mark.parametrize("name", [*ONE])
@pytest.mark.parametrize("content_type", TYPES)
def test_what_is_required_may_not_be_left_out(api: Api, name: str, content_type: str) -> None:
    raw = json.dumps({key: value for key, value in ONE.items() if key != name})
    answer = post(api, (f"[{raw}]" if "batch" in content_type else raw).encode(), content_type)
    assert (answer.status, answer.error.param) == (400, f"0.{name}")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"id": ""}, "0.id"), ({"specversion": "0.3"}, "0.specversion"), ({"time": "yesterday"}, "0.time"),
        ({"time": datetime.now(UTC) + timedelta(days=1)}, "0.time"), ({"subject": "a\x00"}, "0.subject"),
        ({"subject": "M\ufffdller"}, "0.subject"),
        ({"datacontenttype": "text/plain"}, "0.datacontenttype"), ({"type": "x" * 300}, "0.type"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(api: Api, fields: dict[str, Any], param: str) -> None:
    answer = post(api, json.dumps({**ONE, **fields}, default=datetime.isoformat).encode())
    assert (answer.status, answer.error.param) == (400, param)


def test_one_bad_event_keeps_all_others_out(om: Client) -> None:
    with refused(400) as problem:
        om.events.ingest_events([event("1"), event("2", subject=""), event("3", source="")])
    assert [one["index"] for one in problem["extensions"]["rejected"]] == [1, 2] and taken() == []


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"5", b'"x"', b"null", b"\xff", gzip.compress(b"{}", mtime=0), b"[" * 5_000],
    ids=lambda raw: repr(raw)[:20],
)
@pytest.mark.parametrize("content_type", TYPES)
def test_what_is_no_json_is_refused(api: Api, raw: bytes, content_type: str) -> None:
    answer = post(api, raw, content_type)
    assert (answer.status, answer.headers["Content-Type"]) == (400, PROBLEM) and answer.error.message


def test_a_fault_speaks_of_what_they_have(api: Api) -> None:
    nobody = {name: value for name, value in ONE.items() if name != "subject"}
    assert "customer" not in post(api, json.dumps(nobody).encode()).error.message
    assert post(api, json.dumps({**nobody, "customer": "acme"}).encode()).error.param == "0.subject"
    assert post(api, json.dumps({**ONE, "customer": "acme"}).encode()).status == 204, "an extension like others"
    assert post(api, b"[]").error.param == "0" and post(api, json.dumps([ONE, 5]).encode(), TYPES[1]).error.param == "1"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml"])
def test_other_content_types_are_refused_as_they_do(api: Api, content_type: str) -> None:
    answer = post(api, json.dumps(ONE).encode(), content_type)
    assert (answer.status, answer.error.param) == (400, "Content-Type")


def test_more_than_a_thousand_and_more_than_four_megabytes_are_refused(api: Api) -> None:
    many = json.dumps([{**ONE, "id": str(number)} for number in range(1_001)]).encode()
    assert post(api, many, TYPES[1]).error.code == "too_many_events"
    large = post(api, json.dumps({**ONE, "padding": "x" * 4_000_000}).encode())
    assert (large.status, large.headers["Content-Type"]) == (413, PROBLEM)


def test_of_an_id_that_comes_twice_the_first_is_taken(om: Client) -> None:
    om.events.ingest_events([event("1", data={"tokens": 1}), event("1", data={"tokens": 2}), event("1", source="other")])
    assert taken() == [("1", '{"tokens": 1}'), ("1", '{"tokens": 1}')]


def test_a_key_without_the_scope(world: World) -> None:
    with door() as url, client(url, world.api_key(["usage:read"], world.workspace_id)) as other, refused(403):
        other.events.ingest_event(event())
    assert taken() == []
