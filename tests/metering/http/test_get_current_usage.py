"""The current period's quantity of one subject or customer: it reads what has just landed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oppulence.kernel import clock
from oppulence.metering import landing, sent_gateway
from tests.metering import usage
from tests.metering.support import make
from tests.support.api import Api
from tests.support.world import World

SUM: dict[str, Any] = {"slug": "tokens", "aggregation": "SUM", "value_property": "$.v", "effective_from": None}


def test_it_has_what_has_just_landed_and_no_other_subjects(api: Api, store: World) -> None:
    make(api, **SUM)
    now = clock.now()
    usage.take(store, usage.sent("1", {"v": 1}, now), usage.sent("0", {"v": 100}, now - timedelta(days=40)))
    usage.land(
        store, usage.sent("2", {"v": "0.5"}, now), usage.sent("3", {"v": 7}, now, subject="b"), usage.sent("1", {"v": 8}, now)
    )
    found = api.as_key(["usage:read"]).get("/v1/meters/tokens/current", subject="acme")
    assert (found.status, found.body["value"], found.body["unsettled"], found.body["queued"]) == (200, "1.5", True, False)
    begun = datetime.fromisoformat(found.body["since"])
    assert begun == now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert api.as_key().get("/v1/meters/tokens/current", subject="nobody").body["value"] == "0"
    assert api.as_key().get("/v1/meters/tokens/current").body["value"] == "8.5"
    since = (now - timedelta(days=41)).replace(microsecond=0).isoformat()
    assert api.as_key().get("/v1/meters/tokens/current", subject="acme", since=since).body["value"] == "101.5"


def test_a_customers_usage_is_that_of_its_key_and_subjects(api: Api, store: World) -> None:
    make(api, **SUM)
    caller, now = api.as_key(), clock.now()
    customer = caller.post("/v1/customers", {"key": "acme"}).body["id"]
    assert caller.post(f"/v1/customers/{customer}/subjects", {"subject": "b"}).status == 201
    usage.take(store, usage.sent("1", {"v": 1}, now), usage.sent("2", {"v": 2}, now, subject="b"), usage.sent("3", {"v": 4}, now,
               subject="c"))  # fmt: skip
    for name in (customer, "acme"):
        assert caller.get("/v1/meters/tokens/current", customer=name).body["value"] == "3"


def test_a_weighted_sum_goes_until_now(api: Api, store: World) -> None:
    make(api, **SUM | {"aggregation": "WEIGHTED_SUM", "carry_over": True})
    now = clock.now()
    usage.land(store, usage.sent("1", {"v": 6}, now - timedelta(days=70)))
    body = api.as_key().get("/v1/meters/tokens/current", subject="acme").body
    assert body["value"] == "6" and datetime.fromisoformat(body["until"]) <= now + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"since": "1960-01-01T00:00:00Z"}, 400, "invalid_period", "since"),
        ({"subject": "a", "since": "2199-01-01T00:00:00Z"}, 400, "invalid_period", "since"),
        ({"subject": "a", "since": "2026-01-01T00:00:00.25Z"}, 400, "invalid_period", "since"),
        ({"subject": "a", "time_zone": "Nowhere"}, 400, "unknown_time_zone", "time_zone"),
        ({"customer": "nobody"}, 404, "customer_not_found", None),
    ],
)
def test_bad_questions_are_refused(
    api: Api, store: World, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    make(api, **SUM)
    answer = api.as_key().get("/v1/meters/tokens/current", **fields)
    assert (answer.status, answer.error.code, answer.error.param) == (status, code, param)


def test_it_takes_the_scope_and_the_workspaces_own_meter(api: Api, store: World) -> None:
    make(api, **SUM)
    assert api.as_key(["meters:read"]).get("/v1/meters/tokens/current", subject="a").status == 403
    other = api.as_key(workspace_id=store.workspace())
    assert other.get("/v1/meters/tokens/current", subject="a").error.code == "meter_not_found"


def test_it_says_when_something_that_was_accepted_has_not_landed(api: Api, store: World, monkeypatch: pytest.MonkeyPatch) -> None:
    make(api, **SUM)
    usage.settle(store)  # so that there is nothing to fill
    caller = api.as_key()
    assert caller.post("/v1/events", {"id": "1", "type": "api.call", "subject": "acme", "data": {"v": 2}}).status == 202
    waiting, path = usage.queued(), "/v1/meters/tokens/current"
    assert [caller.get(path).body[name] for name in ("value", "queued")] == ["0", True]
    neighbour = store.workspace()
    usage.make_in(api, neighbour, **SUM)
    usage.settle(store, neighbour)
    assert api.as_key(workspace_id=neighbour).get(path).body["queued"] is False
    landing.land(waiting)
    assert [caller.get(path).body[name] for name in ("value", "queued")] == ["2", False]
    monkeypatch.setenv("LIMITS_TABLE", "nowhere")
    assert caller.post("/v1/events", {"id": "2", "type": "api.call", "subject": "acme", "data": {"v": 3}}).status == 202
    landing.land(usage.queued())
    assert [caller.get(path).body[name] for name in ("value", "queued")] == ["5", True]


def test_it_knows_of_a_batch_that_many_have_overtaken(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.settle(store)
    for n in range(sent_gateway.PLACES + 1):
        usage.accept(store, usage.sent(str(n), {"v": 1}, clock.now()))
    forgotten, overtaken, *others = usage.queued()
    landing.land(others)
    assert api.as_key().get("/v1/meters/tokens/current").body["queued"] is True
    landing.land([overtaken])
    assert api.as_key().get("/v1/meters/tokens/current").body["queued"] is False
    landing.land([forgotten])


@pytest.mark.parametrize("together", [1, 2, sent_gateway.PLACES - 1, sent_gateway.PLACES, sent_gateway.PLACES + 3])
def test_what_was_sent_last_is_known_however_it_was_sent(world: World, together: int, capsys: pytest.CaptureFixture[str]) -> None:
    sent = [str(n) for n in range(sent_gateway.PLACES + 3)]
    for start in range(0, len(sent), together):
        sent_gateway.note(world.workspace_id, sent[start : start + together])
        sent_gateway.note(world.workspace_id, [])
        known = sent[: start + together][-sent_gateway.PLACES :]
        assert sorted(sent_gateway.last(world.workspace_id)) == sorted(known)
    assert "sent_batches_not_noted" not in capsys.readouterr().out


def test_many_batches_that_wait_are_as_one(api: Api, store: World) -> None:
    make(api, **SUM)
    usage.settle(store)
    for n in range(40):
        usage.accept(store, usage.sent(str(n), {"v": 1}, clock.now()))
    *others, newest = usage.queued()
    landing.land(others)
    assert api.as_key().get("/v1/meters/tokens/current").body["queued"] is True
    landing.land([newest])
    found = api.as_key().get("/v1/meters/tokens/current").body
    assert (found["value"], found["queued"]) == ("40", False)
