"""The explorer: events as they were sent, settled or landed, with what meters make of them."""

from datetime import timedelta
from typing import Any

import pytest

from oppulence.kernel import clock
from tests.metering import usage
from tests.metering.rules import NOON
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

SUM: dict[str, Any] = {"slug": "tokens", "aggregation": "SUM", "value_property": "$.v", "effective_from": None}
HOUR = timedelta(hours=1)


def ids(api: Api, **query: Any) -> list[str]:
    answer = api.as_key(["usage:read"]).send("GET", "/v1/events", query=query)
    assert answer.status == 200, answer.body
    return [one["id"] for one in answer.body["data"]]


def filled(api: Api, world: World) -> None:
    """Five events, of which two are settled; `a` is sent again."""
    make(api, **SUM)
    usage.take(world, usage.sent("a", {"v": 1}, NOON), usage.sent("b", '{"v": "many" }', NOON + HOUR, subject="x"))
    usage.land(world, usage.sent("a", {"v": 9}, NOON + 9 * HOUR), usage.sent("c", {"v": 3}, NOON + 2 * HOUR, source="other"))
    usage.land(
        world, usage.sent("d", None, NOON + 3 * HOUR, type="nobody's"), usage.sent("e", {"v": None}, NOON - HOUR),
        usage.sent("a", {"v": 8}, NOON + 9 * HOUR),
    )  # fmt: skip


def test_events_are_shown_once_newest_first_with_what_meters_make_of_them(api: Api, store: World) -> None:
    filled(api, store)
    found = {one["id"]: one for one in api.as_key().get("/v1/events").body["data"]}
    assert list(found) == ["d", "c", "b", "a", "e"]
    assert [found["a"]["meters"][0][name] for name in ("slug", "version", "value", "problem")] == ["tokens", 1, "1", None]
    assert found["b"]["data"] == '{"v": "many" }' and "no decimal number" in found["b"]["meters"][0]["problem"]
    assert found["d"]["meters"] == [] and found["d"]["data"] is None
    assert [one["settlement"] is None for one in found.values()] == [True, True, False, False, True]
    assert found["a"]["ingested_at"] <= found["a"]["stored_at"]
    usage.settle(store)
    assert ids(api) == list(found)


def test_it_filters(api: Api, store: World) -> None:
    filled(api, store)
    for _ in range(2):  # landed, then settled
        assert ids(api, types="nobody's") == ["d"] and ids(api, types=["nobody's", "api.call"], subjects="x") == ["b"]
        assert ids(api, source="other") == ["c"] and ids(api, id="a") == ["a"]
        assert ids(api, **{"from": NOON.isoformat(), "to": (NOON + 2 * HOUR).isoformat()}) == ["b", "a"]
        assert ids(api, problem="rejected") == ["b", "e"] and ids(api, problem="unmatched") == ["d"]
        assert ids(api, problem="any") == ["d", "b", "e"] and ids(api, meter="tokens") == ["c", "b", "a", "e"]
        assert ids(api, meter="tokens", problem="rejected", **{"from": NOON.isoformat()}) == ["b"]
        accepted = api.as_key().get("/v1/events", id="c").body["data"][0]["ingested_at"]
        assert ids(api, ingested_from=accepted, ingested_to="2199-01-01T00:00:00Z") == ["d", "c", "e"]
        assert ids(api, ingested_to=accepted) == ["b", "a"]
        usage.settle(store)


def test_it_takes_customers(api: Api, store: World) -> None:
    filled(api, store)
    assert api.as_key().post("/v1/customers", {"key": "x"}).status == 201
    assert ids(api, customers="x") == ["b"] and ids(api, customers="x", subjects="acme") == []
    assert api.as_key().get("/v1/events", customers="nobody").error.code == "customer_not_found"


def test_pages_go_on_where_they_ended(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.take(store, *[usage.sent(f"{n:03}", {"v": n}, NOON + n // 7 * HOUR) for n in range(60)])
    usage.land(store, *[usage.sent(f"{n:03}", {"v": n}, NOON + n // 7 * HOUR, source="z") for n in range(0, 60, 3)])
    found, cursor = [], None
    while True:
        answer = api.as_key().get("/v1/events", limit=9, cursor=cursor).body
        found += [(one["time"], one["source"], one["id"]) for one in answer["data"]]
        cursor = answer["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(found, reverse=True) and len(set(found)) == len(found) == 80


@pytest.mark.parametrize("text", ["' OR 1=1 --", "\\", "') UNION ALL SELECT * FROM usage_events --", "{ws:String}"])
def test_texts_are_values_and_nothing_else(api: Api, store: World, text: str) -> None:
    filled(api, store)
    for name in ("types", "subjects", "source", "id"):
        assert ids(api, **{name: text}) == []
    assert api.as_key().get("/v1/events", meter=text).error.code == "meter_not_found"


def test_bad_ranges_are_refused(api: Api, store: World) -> None:
    for names in (("from", "to"), ("ingested_from", "ingested_to")):
        answer = api.as_key().get("/v1/events", **dict.fromkeys(names, NOON.isoformat()))
        assert (answer.status, answer.error.code, answer.error.param) == (400, "invalid_period", names[1])
    assert api.as_key().get("/v1/events", cursor="abc").error.code == "invalid_cursor"


def test_it_takes_the_scope_and_shows_no_other_workspaces_events(api: Api, store: World) -> None:
    filled(api, store)
    assert api.as_key(["usage:write"]).get("/v1/events").status == 403
    assert api.as_key(workspace_id=store.workspace()).get("/v1/events").body["data"] == []


def test_what_a_version_made_of_an_event_after_its_end_is_not_found(api: Api, store: World) -> None:
    """An event may be ahead of its landing; a version that begins in between is the one that counts it."""
    make(api, **SUM)
    ahead = clock.now() + timedelta(minutes=4)
    usage.take(store, usage.sent("settled", {"v": "many", "n": 1}, ahead))
    usage.land(store, usage.sent("landed", {"v": "many", "n": 1}, ahead + HOUR))
    assert ids(api, problem="rejected") == ["landed", "settled"]
    assert api.as_key().patch("/v1/meters/tokens", {"value_property": "$.n"}).status == 200
    assert ids(api, problem="rejected") == []
    usage.settle(store)
    assert ids(api, problem="any") == [] and ids(api, meter="tokens") == ["landed", "settled"]
    assert api.as_key().patch("/v1/meters/tokens", {"filter": {"path": "$.n", "op": "gt", "value": 5}}).status == 200
    usage.settle(store)
    assert ids(api, problem="unmatched") == ["landed", "settled"] and ids(api, meter="tokens") == []
