"""POST /v1/meters"""

from typing import Any

import pytest

from oppulence.metering import meters
from tests.metering.support import CALLS, TOKENS, make, read, spans, use
from tests.metering.usage import make_in
from tests.support.api import Api
from tests.support.world import World

COND = {"path": "$.a", "op": "eq", "value": 1}


def nested(depth: int) -> dict[str, Any]:
    return COND if depth == 1 else {"and": [nested(depth - 1)]}


def test_a_meter_is_made_as_it_was_sent(api: Api) -> None:
    answer = api.as_key(["meters:write"]).post("/v1/meters", TOKENS)
    assert answer.status == 201
    body = answer.body
    assert {name: body[name] for name in TOKENS if name != "filter"} == {k: v for k, v in TOKENS.items() if k != "filter"}
    assert [one["value"] for one in (body["filter"]["and"][0], *body["filter"]["and"][1]["or"])] == [
        ["ok", 200, None],
        False,
        0.25,
    ]
    assert (body["status"], body["version"], body["revision"], body["used_at"]) == ("active", 1, 1, None)
    assert (body["percentile"], body["carry_over"], body["prorated"], body["operation_property"]) == (None, False, None, None)
    assert read(api, body["id"]) == read(api, "tokens") == body


def test_what_is_least_is_enough(api: Api) -> None:
    made = make(api)
    assert (made["name"], made["group_by"], made["filter"], made["metadata"]) == (None, {}, None, {})


def test_it_counts_from_now_on_unless_told(api: Api) -> None:
    assert make(api)["effective_from"] is not None
    assert make(api, slug="ever", effective_from=None)["effective_from"] is None
    past = "2020-02-29T00:00:00Z"
    assert make(api, slug="past", effective_from="2020-02-29T01:00:00+01:00")["effective_from"] == past
    assert spans(api, "past") == [(1, past, None)] and spans(api, "ever") == [(1, None, None)]


@pytest.mark.parametrize(
    "fields",
    [
        {"aggregation": "PERCENTILE", "value_property": "$.ms", "percentile": "99.9"},
        {"aggregation": "UNIQUE_COUNT", "value_property": "$.user", "operation_property": "$.op"},
        {"aggregation": "UNIQUE_COUNT", "value_property": "$.user", "carry_over": True, "prorated": "day"},
        {"aggregation": "SUM", "value_property": "$.gb", "carry_over": True, "prorated": "second"},
        {"aggregation": "WEIGHTED_SUM", "value_property": "$.gb", "carry_over": True},
        {"aggregation": "LATEST", "value_property": "$['gb']"},
        *({"aggregation": kind, "value_property": "$.v"} for kind in ("AVG", "MIN", "MAX")),
        {"filter": nested(5)}, {"filter": {"or": [COND] * 50}}, {"rounding": {"mode": "floor"}},
        {"filter": {"path": "$.a", "op": "contains", "value": "x'; DROP TABLE metering.meters; --"}},
    ],
)  # fmt: skip
def test_every_way_to_count(api: Api, fields: dict[str, Any]) -> None:
    made = make(api, **fields)
    for name, value in fields.items():
        if name not in ("filter", "rounding"):
            assert made[name] == value
    assert read(api, made["id"]) == made


def test_its_event_and_audit_entry(api: Api, world: World) -> None:
    made = make(api, metadata={"owner": "jane"})
    (envelope,) = world.envelopes()
    assert envelope.type == "metering.meter.created"
    assert envelope.data == {
        "meter_id": made["id"],
        "slug": "calls",
        "meter_revision": 1,
        "effective_from": made["effective_from"],
    }
    row = world.admin.execute(
        "SELECT action, resource_id, changes::text FROM tenancy.audit_log WHERE workspace_id = %s", (world.workspace_id,)
    ).fetchone()
    assert row is not None and row[:2] == ("meter.created", made["id"]) and "api.call" in row[2] and "jane" not in row[2]


def test_a_slug_is_taken_once_and_a_refusal_leaves_nothing(api: Api, world: World) -> None:
    make(api)
    world.emitted()
    refused = api.as_key().post("/v1/meters", CALLS | {"event_type": "other"})
    assert (refused.status, refused.error.code, refused.error.param) == (409, "meter_exists", "slug")
    assert (world.count("metering.meters"), world.count("metering.meter_versions"), world.emitted()) == (1, 1, [])


def test_so_many_meters_count_a_type(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_OF_A_TYPE", 2)
    make(api, slug="unused")
    use(world, make(api, slug="used")["id"])
    world.emitted()
    refused = api.as_key().post("/v1/meters", CALLS)
    assert (refused.status, refused.error.code, refused.error.param) == (409, "too_many_meters", "event_type")
    assert (world.count("metering.meters"), world.emitted()) == (2, [])
    make(api, slug="other", event_type="other")
    make_in(api, world.workspace())
    for slug in ("unused", "used"):  # one is deleted, one archived
        assert api.as_key().delete(f"/v1/meters/{slug}").status == 204
        make(api, slug=f"after_{slug}")


def test_a_repeat_with_its_key_creates_once(api: Api, world: World) -> None:
    caller = api.as_key().with_headers(Idempotency_Key="once")
    first, second = (caller.post("/v1/meters", TOKENS) for _ in range(2))
    assert first.body == second.body and world.count("metering.meters") == 1


@pytest.mark.parametrize(
    ("fields", "param", "remedy"),
    [
        ({"slug": "Calls"}, "slug", "pattern"),
        ({"slug": "a__b"}, "slug", "pattern"),
        ({"slug": "x" * 65}, "slug", "64"),
        ({"slug": "met_" + "0" * 20}, "slug", "another"),
        ({"event_type": ""}, "event_type", "least 1"),
        ({"aggregation": "sum"}, "aggregation", "'SUM'"),
        ({"value_property": "$.v"}, "value_property", "Leave out"),
        ({"aggregation": "SUM"}, "value_property", "$.tokens"),
        ({"aggregation": "SUM", "value_property": "tokens"}, "value_property", "begins with '$'"),
        ({"aggregation": "SUM", "value_property": "$.a-b"}, "value_property", "['a-b']"),
        ({"aggregation": "SUM", "value_property": "$..v"}, "value_property", "one value"),
        ({"aggregation": "MAX", "value_property": "$.v", "carry_over": True}, "carry_over", "LATEST"),
        ({"aggregation": "PERCENTILE", "value_property": "$.v"}, "percentile", "99.9"),
        ({"percentile": 95}, "percentile", "PERCENTILE"),
        ({"aggregation": "PERCENTILE", "value_property": "$.v", "percentile": 100.5}, "percentile", "100"),
        ({"aggregation": "SUM", "value_property": "$.v", "prorated": "day"}, "prorated", "carry_over"),
        ({"aggregation": "SUM", "value_property": "$.v", "prorated": "hour"}, "prorated", "'day'"),
        ({"operation_property": "$.op"}, "operation_property", "UNIQUE_COUNT"),
        ({"group_by": {"a-b": "$.a"}}, "group_by.a-b.[key]", "pattern"),
        ({"group_by": {"subject": "$.a"}}, "group_by.subject", "another name"),
        ({"group_by": {"a": "$.*"}}, "group_by.a", "one value"),
        ({"group_by": {f"a{n}": "$.a" for n in range(21)}}, "group_by", "20"),
        ({"rounding": {"mode": "round", "precision": 21}}, "rounding.precision", "20"),
        ({"rounding": {"mode": "up"}}, "rounding.mode", "'ceil'"),
        ({"metadata": {"a": 1}}, "metadata.a", "string"),
        ({"effective_from": "2026-01-01"}, "effective_from", "RFC 3339"),
        ({"effective_from": "0001-01-01T00:00:00Z"}, "effective_from", "1970"),
        ({"effective_from": "9999-12-31T23:59:59Z"}, "effective_from", "2200"),
        ({"id": "met_1"}, "id", "Unknown field"),
    ],
)
def test_what_cannot_be_used_is_refused(api: Api, world: World, fields: dict[str, Any], param: str, remedy: str) -> None:
    answer = api.as_key().post("/v1/meters", CALLS | fields)
    assert (answer.status, answer.error.type, answer.error.param) == (400, "validation_error", param)
    assert remedy in answer.error.message
    assert world.count("metering.meters") == 0


@pytest.mark.parametrize(
    ("wanted", "param", "remedy"),
    [
        ({}, "filter", "one of"),
        (COND | {"and": [COND]}, "filter", "one of"),
        ({"path": "$.a", "value": 1}, "filter", "one of"),
        ({"op": "eq", "value": 1}, "filter.path", "$.model"),
        ({"and": []}, "filter.and", "at least one"),
        ({"or": [COND, {"and": [COND, {}]}]}, "filter.or.1.and.1", "one of"),
        ({"and": [COND], "path": "$.a"}, "filter", "inside the list"),
        ({"and": [COND | {"op": "like"}]}, "filter.and.0.op", "'eq'"),
        ({"and": [COND | {"path": "$.a["}]}, "filter.and.0.path", "[0]"),
        (COND | {"op": "in"}, "filter.value", "a list"),
        (COND | {"op": "in", "value": []}, "filter.value", "1 to 100"),
        (COND | {"op": "in", "value": [1] * 101}, "filter.value", "1 to 100"),
        (COND | {"op": "in", "value": [[1]]}, "filter.value", "write a text"),
        (COND | {"op": "exists", "value": "yes"}, "filter.value", "true or false"),
        (COND | {"op": "gt", "value": True}, "filter.value", "a number"),
        (COND | {"op": "lte", "value": None}, "filter.value", "a number"),
        (COND | {"value": {"a": 1}}, "filter.value", "write a text"),
        (COND | {"value": "x" * 256}, "filter.value", "255"),
        (COND | {"value": 0.12345678901234567}, "filter.value", "15 digits"),
        (COND | {"value": 10**38}, "filter.value", "15 digits"),
        (COND | {"value": 10**400}, "filter.value", "15 digits"),
        (COND | {"op": "in", "value": [1, -(10**400)]}, "filter.value", "15 digits"),
        (nested(6), "filter" + ".and.0" * 5, "5 deep"),
        ({"or": [COND] * 51}, "filter.or.50", "50 conditions"),
        (COND | {"sql": "1=1"}, "filter.sql", "Unknown field"),
    ],
)
def test_what_is_no_filter_is_refused(api: Api, wanted: dict[str, Any], param: str, remedy: str) -> None:
    answer = api.as_key().post("/v1/meters", CALLS | {"filter": wanted})
    assert (answer.status, answer.error.param) == (400, param)
    assert remedy in answer.error.message


def test_numbers_that_are_none_are_refused(api: Api) -> None:
    raw = b'{"slug": "a", "event_type": "t", "aggregation": "COUNT", "filter": {"path": "$.a", "op": "eq", "value": %s}}'
    for number in (b"NaN", b"Infinity", b"1e999"):
        answer = api.as_key().send("POST", "/v1/meters", raw % number)
        assert (answer.status, answer.error.param) == (400, "filter.value")


def test_text_that_cannot_be_stored_is_a_clear_error(api: Api) -> None:
    for fields in ({"name": "nul \x00"}, {"metadata": {"a": "\x00"}}, {"filter": COND | {"value": "\x00"}}):
        assert api.as_key().post("/v1/meters", CALLS | fields).status == 400


def test_a_key_without_the_scope_is_refused(api: Api) -> None:
    assert api.as_key(["meters:read", "usage:write"]).post("/v1/meters", CALLS).status == 403


def test_two_workspaces_may_use_the_same_slug(api: Api, world: World) -> None:
    make(api)
    assert api.as_key(workspace_id=world.workspace()).post("/v1/meters", CALLS).status == 201
