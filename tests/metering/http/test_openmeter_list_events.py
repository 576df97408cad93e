"""GET /openmeter/api/v1/events"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openmeter import Client

from oppulence.metering import landing
from tests.metering import usage
from tests.metering.openmeter import client, create, door, refused, send
from tests.support.api import PROBLEM, Api, through_gateway
from tests.support.world import World

PATH = "/openmeter/api/v1/events"


def now(**ago: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**ago)


@pytest.fixture
def used(store: World, om: Client) -> Client:
    """A meter and five events, of which it counts two."""
    create(om)
    send(om, "ev-1", {"tokens": "0.1", "model": "a"}, now(hours=3))
    send(om, "ev-2", {"tokens": "many"}, now(hours=2), "globex")
    send(om, "ev-3", None, now(hours=1), "globex")
    send(om, "old-4", {"tokens": 1}, now(hours=80))
    usage.accept(store, usage.sent("other", {"x": 1}, now(minutes=1), type="unknown", subject="x"))
    landing.land(usage.queued())
    return om


def ids(om: Client, **query: Any) -> list[str]:
    return [one.event.id for one in om.events.list(**query)]


def test_events_are_listed_as_they_came_the_newest_first(used: Client) -> None:
    found = used.events.list()
    assert [one.event.id for one in found] == ["other", "ev-3", "ev-2", "ev-1"], "of the last 72 hours"
    last = found[-1]
    assert (last.event.source, last.event.type, last.event.subject, last.event.specversion) == ("app", "prompt", "acme", "1.0")
    assert last.event.data == {"tokens": "0.1", "model": "a"} and last.event.time is not None
    assert last.ingested_at <= last.stored_at


def test_an_event_says_whose_it_was_and_what_its_data_are(used: Client, api: Api) -> None:
    acme, other = (api.as_key().post("/v1/customers", {"key": key}).body["id"] for key in ("acme", "other"))
    given = {"subject": "acme", "valid_from": now(hours=10).isoformat()}
    assert api.as_key().post(f"/v1/customers/{other}/subjects", given).status == 201
    found = {one.event.id: one for one in used.events.list(from_parameter=now(days=10))}
    assert [found[id_].customer_id for id_ in ("old-4", "ev-1", "ev-2", "other")] == [acme, other, None, None]
    assert [found[id_].event.datacontenttype for id_ in ("ev-1", "ev-3")] == ["application/json", None]


def test_what_cannot_count_says_why(used: Client, store: World) -> None:
    for _ in range(2):
        errors = {one.event.id: one.validation_error for one in used.events.list()}
        assert errors["ev-1"] is None
        assert errors["ev-2"] and errors["ev-2"].startswith("tokens_total: ")
        assert errors["ev-3"] and errors["ev-3"].startswith("tokens_total: ")
        assert errors["other"] == "No meter counts events of the type unknown."
        usage.settle(store)


def test_filters(used: Client, api: Api) -> None:
    assert ids(used, limit=2) == ["other", "ev-3"]
    assert ids(used, id="v-") == ["ev-3", "ev-2", "ev-1"] and ids(used, id="%") == []
    assert ids(used, subject="glob") == ["ev-3", "ev-2"] and ids(used, subject="globex", id="3") == ["ev-3"]
    assert ids(used, from_parameter=now(days=10)) == ["other", "ev-3", "ev-2", "ev-1", "old-4"]
    assert ids(used, from_parameter=now(hours=2.5), to=now(minutes=30)) == ["ev-3", "ev-2"]
    assert ids(used, from_parameter=now(hours=2), to=now(hours=3)) == []
    assert len(ids(used, from_parameter=datetime(1, 1, 1, tzinfo=UTC), to=datetime(9999, 12, 31, tzinfo=UTC))) == 5
    assert len(ids(used, ingested_at_from=datetime(1, 1, 1, tzinfo=UTC), ingested_at_to=datetime(9999, 12, 31, tzinfo=UTC))) == 4
    assert ids(used, ingested_at_from=now(hours=-1)) == [] and len(ids(used, ingested_at_to=now(seconds=-60))) == 4
    made = api.as_key().post("/v1/customers", {"key": "globex"}).body
    assert ids(used, customer_id=[made["id"]]) == ["ev-3", "ev-2"]
    with refused(404):
        ids(used, customer_id=["cus_none"])


def test_the_last_second_belongs_to_it(used: Client) -> None:
    (one,) = used.events.list(id="ev-2")
    at = one.event.time
    assert at is not None and ids(used, from_parameter=at, to=at) == ["ev-2"]


def test_data_are_shown_to_the_letter(store: World, om: Client, api: Api) -> None:
    data = '{"tokens": 12345678901234567890.1234567890123456789, "a":  [1e400]}'
    event = {"id": "1", "source": "app", "specversion": "1.0", "type": "prompt", "subject": "acme"}
    raw = json.dumps(event)[:-1].encode() + f', "data": {data}}}'.encode()
    caller = api.as_key().with_headers(content_type="application/cloudevents+json")
    assert caller.send("POST", PATH, raw).status == 204
    landing.land(usage.queued())
    headers = {"authorization": f"Bearer {store.api_key(['usage:read'], store.workspace_id)}"}
    assert f'"data":{data}' in through_gateway("GET", PATH, "", headers, b"")["body"]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"from": "then"}, {"id": ""}])
def test_what_cannot_be_asked_is_a_problem(api: Api, query: dict[str, str]) -> None:
    answer = api.as_key().get(PATH, **query)
    assert (answer.status, answer.headers["Content-Type"], answer.error.param) == (400, PROBLEM, *query)


def test_what_they_do_not_know_is_passed_over(used: Client, api: Api) -> None:
    assert len(api.as_key().get(PATH, colour="red", cursor="x").body) == 4


def test_a_key_without_the_scope_and_another_workspace(used: Client, store: World) -> None:
    with door() as url:
        with client(url, store.api_key(["usage:write"], store.workspace_id)) as other, refused(403):
            other.events.list()
        with client(url, store.api_key(["admin:*"], store.workspace())) as other:
            assert other.events.list() == []
