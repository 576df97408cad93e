"""OpenMeter's client and meters: /openmeter/api/v1/meters"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from corehttp.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from openmeter import Client
from openmeter.models import Meter, MeterCreate, MeterUpdate

from tests.metering.openmeter import client, door
from tests.metering.support import make, read, spans, use
from tests.support.api import PROBLEM, Api
from tests.support.world import World

TOKENS: dict[str, Any] = {
    "slug": "tokens_total", "aggregation": "SUM", "event_type": "prompt", "value_property": "$.tokens",
    "group_by": {"model": "$.model", "type": "$.type"},
}  # fmt: skip
PATH = "/openmeter/api/v1/meters"


@pytest.fixture
def om(world: World) -> Iterator[Client]:
    with door() as url, client(url, world.api_key(["meters:read", "meters:write"], world.workspace_id)) as made:
        yield made


def create(om: Client, **fields: Any) -> Meter:
    return om.meters.create(MeterCreate(**{**TOKENS, **fields}))


def test_a_meter_is_made_as_it_was_sent_and_counts_events_of_any_time(om: Client, api: Api) -> None:
    made = create(om, description="All of them", metadata={"team": "ml"})
    assert (made.slug, made.name) == ("tokens_total", "tokens_total")
    assert (made.description, made.metadata) == ("All of them", {"team": "ml"})
    assert (made.aggregation, made.event_type, made.value_property) == ("SUM", "prompt", "$.tokens")
    assert (made.group_by, made.event_from, made.deleted_at) == ({"model": "$.model", "type": "$.type"}, None, None)
    assert abs((datetime.now(UTC) - made.created_at).total_seconds()) < 3_600 and made.created_at == made.updated_at
    assert read(api, made.id)["effective_from"] is None
    assert om.meters.get("tokens_total") == om.meters.get(made.id) == made


def test_it_counts_from_when_it_says(om: Client, api: Api) -> None:
    since = datetime(2025, 3, 30, 1, 0, tzinfo=UTC)
    made = create(om, event_from=since, name="Tokens")
    assert (made.event_from, made.name) == (since, "Tokens")
    om.meters.update("tokens_total", MeterUpdate(group_by={"model": "$.model"}))
    assert om.meters.get("tokens_total").event_from == since, "since when it counts, not since when by these dimensions"


def test_every_aggregation_of_theirs(om: Client) -> None:
    for kind in ("SUM", "UNIQUE_COUNT", "AVG", "MIN", "MAX", "LATEST"):
        assert create(om, slug=kind.lower(), aggregation=kind).aggregation == kind
    made = om.meters.create(MeterCreate(slug="calls", aggregation="COUNT", event_type="call"))
    assert (made.aggregation, made.value_property, made.group_by) == ("COUNT", None, None)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"slug": "Not-A-Slug"}, "slug"), ({"aggregation": "PERCENTILE"}, "aggregation"), ({"event_type": ""}, "eventType"),
        ({"value_property": "tokens"}, "value_property"), ({"value_property": None}, "value_property"),
        ({"group_by": {"a-b": "$.a"}}, "groupBy.a-b.[key]"), ({"group_by": {"subject": "$.a"}}, "group_by.subject"),
        ({"aggregation": "COUNT"}, "value_property"), ({"event_from": datetime(1950, 1, 1, tzinfo=UTC)}, "effective_from"),
    ],
)  # fmt: skip
def test_what_cannot_count_is_a_problem(om: Client, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        create(om, **fields)
    answer, problem = refused.value.response, refused.value.model
    assert answer.status_code == 400 and answer.headers["Content-Type"] == PROBLEM
    assert (problem.status, problem.title, problem.type) == (400, "Bad Request", "about:blank") and problem.detail
    assert problem.extensions["param"] == param
    assert problem.instance == f"urn:request:{answer.headers['X-Request-Id']}"


def test_a_slug_is_taken_once(om: Client) -> None:
    create(om)
    with pytest.raises(ResourceExistsError) as refused:
        create(om)
    assert refused.value.response.headers["Content-Type"] == PROBLEM


def test_meters_are_listed_by_numbered_pages(om: Client, api: Api) -> None:
    for slug, name in (("b", "Zeta"), ("a", None), ("d", "alpha"), ("c", None)):
        create(om, slug=slug, name=name)
    assert [one.slug for one in om.meters.list()] == ["a", "b", "c", "d"]
    assert [one.slug for one in om.meters.list(order="DESC")] == ["d", "c", "b", "a"]
    assert [one.slug for one in om.meters.list(order_by="createdAt")] == ["b", "a", "d", "c"]
    assert [one.slug for one in om.meters.list(order_by="aggregation", page=2, page_size=3)] != []
    assert [one.slug for one in om.meters.list(page=2, page_size=3)] == ["d"] and om.meters.list(page=3, page_size=3) == []
    make(api, slug="ours", aggregation="PERCENTILE", value_property="$.ms", percentile=99)
    assert om.meters.list(page=2, page_size=4)[0].aggregation == "PERCENTILE", "meters of ours are theirs too"


@pytest.mark.parametrize("query", [{"page": 0}, {"page_size": 1001}, {"order": "UP"}, {"order_by": "; DROP TABLE x"}])
def test_other_pages_there_are_none(om: Client, query: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        om.meters.list(**query)
    assert refused.value.model.status == 400


def test_an_update_replaces_what_can_be_changed(om: Client, api: Api) -> None:
    made = create(om, description="Old", metadata={"team": "ml"})
    changed = om.meters.update(made.id, MeterUpdate(name="New", group_by={"model": "$.model"}))
    assert (changed.name, changed.description, changed.metadata, changed.group_by) == ("New", None, None, {"model": "$.model"})
    assert changed.slug == "tokens_total" and [number for number, _, _ in spans(api, made.id)] == [1, 2]
    assert om.meters.update("tokens_total", MeterUpdate(name="New")).group_by is None


def test_a_deleted_meter_is_gone_and_a_used_one_is_kept_by_its_id(om: Client, world: World) -> None:
    unused, used = create(om), create(om, slug="used")
    use(world, used.id)
    om.meters.delete("tokens_total")
    om.meters.delete(used.id)
    assert om.meters.list() == []
    assert [one.id for one in om.meters.list(include_deleted=True)] == [used.id]
    assert om.meters.get(used.id).deleted_at is not None
    for key in (unused.id, "used", "tokens_total"):
        with pytest.raises(ResourceNotFoundError):
            om.meters.get(key)
    with pytest.raises(ResourceExistsError):
        om.meters.delete(used.id)
    with pytest.raises(ResourceExistsError):
        om.meters.update(used.id, MeterUpdate(name="No"))
    assert create(om, slug="used").id != used.id


def test_what_is_not_there_is_a_problem(om: Client) -> None:
    change = MeterUpdate(name="No")
    for call in (lambda: om.meters.get("none"), lambda: om.meters.delete("none"), lambda: om.meters.update("none", change)):
        with pytest.raises(ResourceNotFoundError) as refused:
            call()
        assert refused.value.response.headers["Content-Type"] == PROBLEM


def test_a_key_without_the_scope_and_a_wrong_one(om: Client, world: World) -> None:
    made = create(om)
    with door() as url:
        with client(url, world.api_key(["usage:read"], world.workspace_id)) as other:
            for call in (
                other.meters.list, lambda: create(other, slug="x"), lambda: other.meters.get(made.id),
                lambda: other.meters.delete(made.id), lambda: other.meters.update(made.id, MeterUpdate()),
            ):  # fmt: skip
                with pytest.raises(HttpResponseError) as refused:
                    call()
                assert refused.value.model.status == 403
        with client(url, "op_test_" + "a" * 32) as nobody, pytest.raises(ClientAuthenticationError) as unknown:
            nobody.meters.list()
    assert unknown.value.model.title == "Unauthorized" and unknown.value.response.headers["Content-Type"] == PROBLEM


def test_another_workspaces_meters_are_not_there(om: Client, world: World) -> None:
    made = create(om)
    with door() as url, client(url, world.api_key(["admin:*"], world.workspace())) as other:
        assert other.meters.list() == []
        for call in (
            lambda: other.meters.get(made.id), lambda: other.meters.delete(made.id),
            lambda: other.meters.update(made.id, MeterUpdate()),
        ):  # fmt: skip
            with pytest.raises(ResourceNotFoundError):
                call()
    assert om.meters.get(made.id) == made


def test_a_kept_refusal_comes_again_as_a_problem(api: Api) -> None:
    caller = api.as_key().with_headers(Idempotency_Key="once")
    sent = b'{"slug": "a", "aggregation": "SUM", "eventType": "prompt"}'
    first, second = caller.send("POST", PATH, sent), caller.send("POST", PATH, sent)
    assert first.status == second.status == 400 and first.body == second.body
    assert second.headers["Content-Type"] == PROBLEM and second.headers["Idempotent-Replayed"] == "true"
