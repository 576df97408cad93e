"""PATCH /v1/meters/{meter_id}"""

from typing import Any

import pytest

from oppulence.metering import meters
from tests.metering.support import TOKENS, make, read, spans, use
from tests.support.api import Api
from tests.support.world import World

LATER = "2099-01-01T00:00:00Z"


def test_what_it_says_of_itself_changes_without_a_new_version(api: Api, world: World) -> None:
    made = make(api, **TOKENS)
    world.emitted()
    changed = api.as_key(["meters:write"]).patch("/v1/meters/tokens", {"name": None, "unit": "kT", "metadata": {"a": "b"}})
    assert changed.status == 200
    assert changed.body == made | {
        "name": None, "unit": "kT", "metadata": {"a": "b"}, "revision": 2, "updated_at": changed.body["updated_at"],
    }  # fmt: skip
    (envelope,) = world.envelopes()
    assert envelope.type == "metering.meter.updated"
    assert envelope.data["changed"] == ["metadata", "name", "unit"] and envelope.data["new_version"] is None
    assert len(spans(api, "tokens")) == 1 and read(api, "tokens") == changed.body


def test_a_change_of_what_is_counted_makes_a_version_from_now_on(api: Api, world: World) -> None:
    made = make(api, **TOKENS)
    world.emitted()
    changed = api.as_key().patch(f"/v1/meters/{made['id']}", {"filter": None, "group_by": None, "unit": "T"}).body
    assert (changed["version"], changed["filter"], changed["group_by"], changed["unit"]) == (2, None, {}, "T")
    since = changed["effective_from"]
    assert since > made["effective_from"] and spans(api, "tokens") == [(1, made["effective_from"], since), (2, since, None)]
    (envelope,) = world.envelopes()
    assert (envelope.data["new_version"], envelope.data["effective_from"]) == (2, since)
    assert envelope.data["changed"] == ["filter", "group_by", "unit"]
    first = api.as_key().get("/v1/meters/tokens/versions").body["data"][0]
    assert {name: first[name] for name in ("filter", "group_by", "rounding")} == {
        name: made[name] for name in ("filter", "group_by", "rounding")
    }


def test_one_and_true_are_not_the_same(api: Api) -> None:
    make(api, filter={"path": "$.a", "op": "eq", "value": 1})
    changed = api.as_key().patch("/v1/meters/calls", {"filter": {"path": "$.a", "op": "eq", "value": True}}).body
    assert (changed["version"], changed["filter"]["value"]) == (2, True)


def test_a_change_can_begin_later(api: Api) -> None:
    made = make(api, effective_from=None)
    changed = api.as_key().patch("/v1/meters/calls", {"event_type": "new", "effective_from": LATER}).body
    assert (changed["event_type"], changed["effective_from"]) == ("new", LATER)
    assert spans(api, made["id"]) == [(1, None, LATER), (2, LATER, None)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"event_type": "x", "effective_from": "2020-01-01T00:00:00Z"}, "Past windows keep"),
        ({"event_type": "x", "effective_from": LATER}, "Version 2 begins at 2099"),
        ({"event_type": "x"}, "Version 2 begins at 2099"),
        ({"event_type": "x", "effective_from": "9000-01-01T00:00:00Z"}, "2200"),
        ({"name": "x", "effective_from": "2100-01-01T00:00:00Z"}, "Leave out effective_from"),
    ],
)
def test_a_version_never_begins_in_the_past_nor_before_another(api: Api, body: dict[str, Any], words: str) -> None:
    make(api)
    api.as_key().patch("/v1/meters/calls", {"event_type": "second", "effective_from": LATER})
    refused = api.as_key().patch("/v1/meters/calls", body)
    assert (refused.status, refused.error.code, refused.error.param) == (400, "invalid_instant", "effective_from")
    assert words in refused.error.message and len(spans(api, "calls")) == 2


def test_a_change_of_nothing_is_none(api: Api, world: World) -> None:
    made = make(api, **TOKENS)
    world.emitted()
    for body in ({}, {"name": "Tokens"}, {name: TOKENS[name] for name in ("filter", "rounding", "group_by", "event_type")}):
        assert api.as_key().patch("/v1/meters/tokens", body).body == made
    assert world.emitted() == []


def test_two_who_saw_the_same_revision_do_not_overwrite_each_other(api: Api) -> None:
    make(api)
    assert api.as_key().patch("/v1/meters/calls", {"name": "B", "revision": 1}).status == 200
    refused = api.as_key().patch("/v1/meters/calls", {"name": "C", "revision": 1})
    assert (refused.status, refused.error.code, refused.error.param) == (409, "meter_changed", "revision")
    assert read(api, "calls")["name"] == "B"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"aggregation": "SUM"}, "aggregation"),
        ({"slug": "other"}, "slug"),
        ({"event_type": None}, "event_type"),
        ({"value_property": "$.v"}, "value_property"),
        ({"group_by": {"a": "$["}}, "group_by.a"),
        ({"filter": {"and": []}}, "filter.and"),
        ({"rounding": {"mode": "round", "precision": 1.5}}, "rounding.precision"),
    ],
)
def test_what_cannot_be_used_is_refused(api: Api, body: dict[str, Any], param: str) -> None:
    made = make(api)
    refused = api.as_key().patch("/v1/meters/calls", body)
    assert (refused.status, refused.error.param) == (400, param)
    assert read(api, "calls") == made


def test_the_audit_log_has_before_and_after_but_no_notes(api: Api, world: World) -> None:
    make(api)
    api.as_key().patch("/v1/meters/calls", {"event_type": "new.type", "metadata": {"owner": "jane"}})
    row = world.admin.execute(
        "SELECT changes FROM tenancy.audit_log WHERE workspace_id = %s AND action = 'meter.updated'", (world.workspace_id,)
    ).fetchone()
    assert row is not None and "jane" not in str(row[0])
    assert (row[0]["before"], row[0]["after"]) == ({"event_type": "api.call"}, {"event_type": "new.type"})


def test_so_many_meters_count_a_type(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_OF_A_TYPE", 1)
    made, other = make(api), make(api, slug="other", event_type="other")
    refused = api.as_key().patch("/v1/meters/other", {"event_type": made["event_type"]})
    assert (refused.status, refused.error.code, refused.error.param) == (409, "too_many_meters", "event_type")
    assert read(api, "other") == other
    assert api.as_key().patch("/v1/meters/other", {"event_type": "third"}).status == 200
    assert api.as_key().patch("/v1/meters/calls", {"group_by": {"a": "$.a"}}).status == 200


def test_a_meter_has_so_many_versions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "MOST_VERSIONS", 2)
    make(api)
    assert api.as_key().patch("/v1/meters/calls", {"group_by": {"a": "$.a"}}).status == 200
    refused = api.as_key().patch("/v1/meters/calls", {"group_by": {"b": "$.b"}})
    assert (refused.status, refused.error.code) == (409, "too_many_meter_versions")
    assert len(spans(api, "calls")) == 2
    assert api.as_key().patch("/v1/meters/calls", {"name": "B"}).status == 200


def test_an_archived_meter_is_not_changed(api: Api, world: World) -> None:
    made = make(api)
    use(world, made["id"])
    api.as_key().delete("/v1/meters/calls")
    assert api.as_key().patch(f"/v1/meters/{made['id']}", {"name": "B"}).error.code == "meter_not_active"


def test_the_scope_is_needed_and_another_workspaces_meter_does_not_exist(api: Api, world: World) -> None:
    made = make(api)
    path = f"/v1/meters/{made['id']}"
    assert api.as_key(["meters:read"]).patch(path, {"name": "B"}).status == 403
    assert api.as_key(workspace_id=world.workspace()).patch(path, {"name": "B"}).error.code == "meter_not_found"
    assert read(api, "calls") == made
